"""Cut points compared, against numbers worked out by hand and by enumeration."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic

from cliff_tokens.exhibits import rivals
from cliff_tokens.exhibits.rivals import EVERY, POINTS, POPULATIONS, RIVALS
from cliff_tokens.stages import cut_points
from cliff_tokens.stages.cut_points import METHODS, CutRules
from cliff_tokens.statistics import Intervals

INTERVALS = Intervals(confidence=0.95, repetitions=200, seed=1)
RULES = CutRules()

# Successes of 4 by trace and method; None where the method has no cut point. cliff_first and
# cliff_random exist together, restart always.
COUNTS = {
    "p1": {"cliff_first": 2, "cliff_random": 1, "critical": 2, "tangent": 3, "random": 0},
    "p2": {"cliff_first": 4, "cliff_random": 4, "critical": 1, "tangent": None, "random": 1},
    "p3": {"cliff_first": None, "cliff_random": None, "critical": 0, "tangent": None, "random": 4},
    "p4": {"cliff_first": None, "cliff_random": None, "critical": 2, "tangent": 1, "random": None},
}
MEMBERS = {
    "population_tangent": ["p1"],
    "cliff_first": ["p1", "p2"],
    "cliff_random": ["p1", "p2"],
    "all_failure": ["p1", "p2", "p3", "p4"],
}


def traces_of(names, model="m", dataset="d"):
    return pd.DataFrame(
        {
            "trace_id": [f"{model}/{dataset}/{name}/0" for name in names],
            "model": model, "dataset": dataset, "problem_id": list(names),
            "verdict": "incorrect",
        }
    )  # fmt: skip


def cuts_of(counts, model="m", dataset="d", rollouts=4):
    rows = []
    for name, own in counts.items():
        for number, method in enumerate(METHODS):
            successes = 1 if method == "restart" else own[method]
            drawn = successes is not None
            rows.append(
                {
                    "trace_id": f"{model}/{dataset}/{name}/0",
                    "method": method,
                    "prefix_t": number if drawn else pd.NA,
                    "successes": successes if drawn else pd.NA,
                    "rollouts": rollouts if drawn else pd.NA,
                }
            )
    counted = ["prefix_t", "successes", "rollouts"]
    return pd.DataFrame(rows).astype(dict.fromkeys(counted, "Int64"))


def estimates_of(names, model="m", dataset="d"):
    """Potential 0.t before the token t + 1, so that a mean shows which prefixes it is of."""
    t = np.arange(1, 8)
    parts = [
        pd.DataFrame(
            {
                "trace_id": f"{model}/{dataset}/{name}/0", "t": t, "before": (t - 1) / 10,
                "after": t / 10,
            }
        )
        for name in names
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def by_hand(ks=(1, 2, 4)):
    args = cuts_of(COUNTS), estimates_of(COUNTS), traces_of(COUNTS), INTERVALS
    frame = rivals.pass_at_k(*args, ks=ks)
    return frame[frame["model"].eq("m")].set_index(["population", "method", "k"])


def enumerated(successes, k, rollouts=4):
    """Share of the ways to pick k of the rollouts that hold a success."""
    outcomes = [number < successes for number in range(rollouts)]
    picks = list(combinations(outcomes, k))
    return sum(any(pick) for pick in picks) / len(picks)


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("k", [1, 2, 4])
def test_published_and_fair_scores_are_those_of_enumeration(population, k):
    frame = by_hand()
    for method in (POPULATIONS[population], *RIVALS):
        own = [COUNTS[name][method] for name in MEMBERS[population]]
        scores = [None if count is None else enumerated(count, k) for count in own]
        measured = [score for score in scores if score is not None]
        row = frame.loc[(population, method, k)]
        assert (row["n"], row["with_cut"]) == (len(own), len(measured))
        assert row["published"] == pytest.approx(sum(measured) / len(own))
        assert row["fair"] == pytest.approx(sum(measured) / len(measured))


def test_differences_are_of_the_traces_where_both_have_a_cut_point():
    frame = by_hand()
    row = frame.loc[("all_failure", "tangent", 1)]
    # Only p1 has a cliff and a tangent: 2/4 - 3/4. The means are of two traces each.
    assert (row["pairs"], row["difference"]) == (1, -0.25)
    assert row["fair"] == pytest.approx((0.75 + 0.25) / 2)
    row = frame.loc[("cliff_random", "critical", 1)]
    assert (row["pairs"], row["difference"]) == (2, pytest.approx((-0.25 + 0.75) / 2))


def test_a_method_is_not_compared_with_itself():
    row = by_hand().loc[("cliff_first", "cliff_first", 1)]
    assert row["pairs"] == 0
    assert np.isnan(row["difference"])


def test_potential_is_that_of_the_prefixes_cut():
    frame = by_hand()
    # Prefixes of by_hand are the methods' numbers: critical 2, tangent 3, restart 5.
    assert frame.loc[("all_failure", "critical", 1), "potential"] == pytest.approx(0.2)
    assert frame.loc[("all_failure", "tangent", 1), "potential"] == pytest.approx(0.3)
    assert frame.loc[("all_failure", "restart", 1), "potential"] == pytest.approx(0.5)


def test_an_empty_population_keeps_its_rows():
    counts = {"p3": COUNTS["p3"]}
    frame = rivals.pass_at_k(
        cuts_of(counts), estimates_of(counts), traces_of(counts), INTERVALS, models=["m", "none"]
    )
    empty = frame[frame["population"].eq("cliff_first") | frame["model"].eq("none")]
    assert (empty["n"] == 0).all()
    assert empty[["published", "fair", "potential", "difference"]].isna().all(axis=None)
    assert sorted(frame["k"].unique()) == [1, 4]
    none = rivals.pass_at_k(
        cuts_of(counts).iloc[:0], estimates_of(counts), traces_of(counts).iloc[:0], INTERVALS
    )
    assert none["model"].unique().tolist() == ["all"]
    assert (none["n"] == 0).all()


def everything(run, cuts):
    args = cuts, run["estimates"], run["traces"]
    return [
        rivals.pass_at_k(*args, INTERVALS, models=["small", "large"]),
        rivals.settings(cuts, run["traces"], INTERVALS, ["small", "large"], ["chains", "factors"]),
        rivals.positions(*args, run["cliffs"], RULES, INTERVALS, models=["small", "large"]),
    ]


def test_nothing_depends_on_the_order_of_rows():
    run = synthetic.run(problems=6)
    cuts = synthetic.cut_points(run)
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in run.items()}
    for one, other in zip(
        everything(run, cuts),
        everything(shuffled, cuts.sample(frac=1, random_state=3)),
        strict=True,
    ):
        pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    "spoil", [lambda c: c.iloc[1:], lambda c: pd.concat([c, c.iloc[:1]])], ids=["lacks", "repeats"]
)
def test_cut_points_of_other_traces_are_refused(spoil):
    with pytest.raises(ValueError, match="expected one row for each incorrect trace and method"):
        rivals.settings(spoil(cuts_of(COUNTS)), traces_of(COUNTS), INTERVALS)


def two_settings():
    """Data set d as above; data set e has one trace where the cliff is best, f none with one."""
    best = {"cliff_first": 3, "cliff_random": 3, "critical": 2, "tangent": None, "random": 0}
    cuts = [
        cuts_of(COUNTS),
        cuts_of({"p1": best}, dataset="e"),
        cuts_of({"p3": COUNTS["p3"]}, dataset="f"),
    ]
    traces = [
        traces_of(COUNTS), traces_of(["p1"], dataset="e"), traces_of(["p3"], dataset="f"),
    ]  # fmt: skip
    return rivals.settings(pd.concat(cuts), pd.concat(traces), INTERVALS)


def row_of(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name].eq(value)]
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_setting_needs_a_cliff():
    frame = two_settings()
    assert set(frame["dataset"]) == {"all", "d", "e"}
    assert (frame.loc[frame["dataset"].eq("all"), "settings"] <= 2).all()


def test_a_setting_is_won_tied_or_lost():
    frame = two_settings()
    # d, k = 1: the cliff has 2/4 and 4/4, the critical token 2/4 and 1/4.
    row = row_of(frame, variant="fair", k=1, rival="critical", dataset="d")
    assert (row["n"], row["cliff"], row["other"], row["beats"]) == (2, 0.75, 0.375, 1)
    # Fair, the tangent is only compared on p1, where it wins; published, its 3/4 and zero lose.
    row = row_of(frame, variant="fair", k=1, rival="tangent", dataset="d")
    assert (row["n"], row["difference"], row["loses"]) == (1, -0.25, 1)
    row = row_of(frame, variant="published", k=1, rival="tangent", dataset="d")
    assert (row["n"], row["difference"], row["beats"]) == (2, 0.375, 1)
    # k = 4: both have a success among all rollouts.
    row = row_of(frame, variant="fair", k=4, rival="critical", dataset="d")
    assert (row["difference"], row["ties"]) == (0, 1)
    # e has no tangent at all: no comparison, where fair; nothing to beat, where published.
    row = row_of(frame, variant="fair", k=1, rival="tangent", dataset="e")
    assert row[["settings", "n", "beats", "ties", "loses"]].tolist() == [0] * 5
    assert row_of(frame, variant="published", k=1, rival="tangent", dataset="e")["beats"] == 1


def test_every_rival_is_beaten_only_if_all_are():
    frame = two_settings()
    row = row_of(frame, variant="fair", k=1, rival=EVERY, dataset="d")
    assert (row["difference"], row["loses"]) == (-0.25, 1)
    row = row_of(frame, variant="published", k=1, rival=EVERY, dataset="d")
    assert row["beats"] == 1
    row = row_of(frame, variant="fair", k=1, rival=EVERY, dataset="e")
    assert (row["difference"], row["beats"]) == (0.25, 1)  # against the critical token


def test_the_count_line_adds_up_its_settings():
    frame = two_settings()
    counts = ["settings", "n", "beats", "ties", "loses", "beats_clearly", "loses_clearly"]
    keys = ["variant", "k", "rival"]
    lines = frame[frame["model"].eq("all")].set_index(keys)[counts].sort_index()
    sums = frame[frame["model"].ne("all")].groupby(keys)[counts].sum()
    pd.testing.assert_frame_equal(lines, sums, check_dtype=False)
    assert (lines["settings"] == lines[["beats", "ties", "loses"]].sum(axis=1)).all()


def test_a_win_is_clear_where_the_interval_says_so():
    rng = np.random.default_rng(1)
    sure = {f"p{n}": dict.fromkeys(METHODS, 0) | {"cliff_first": 3} for n in range(10)}
    for own in sure.values():
        own["critical"] = int(rng.integers(0, 3))  # always below the cliff
        own["tangent"] = 3 + int(rng.choice([-1, 1]))  # as often above it as below
    frame = rivals.settings(cuts_of(sure), traces_of(sure), INTERVALS)
    row = row_of(frame, variant="fair", k=1, rival="critical", model="m")
    assert row["beats_clearly"] == 1
    row = row_of(frame, variant="fair", k=1, rival="tangent", model="m")
    assert row["beats_clearly"] == row["loses_clearly"] == 0


def test_a_run_without_cliffs_has_no_settings():
    counts = {"p3": COUNTS["p3"]}
    frame = rivals.settings(cuts_of(counts), traces_of(counts), INTERVALS)
    assert frame["model"].unique().tolist() == ["all"]
    assert (frame[["settings", "n", "beats", "ties", "loses"]] == 0).all(axis=None)


def points_by_hand():
    """One trace of 40 tokens: 1.0 up to prefix 9, 0.5 up to 29, 0 after 30.

    Chunks are of two tokens. Tangents: 8 to 10 (a fall of 0.5 at token 10), 28 to 30 (at 30).
    The critical token is 30. Cliffs at 10, at 20 (say) and at 30.
    """
    series = np.array([1.0] * 10 + [0.5] * 20 + [0.0] * 11)
    trace_id = "m/d/p1/0"
    estimates = pd.DataFrame(
        {"trace_id": trace_id, "t": range(1, 41), "before": series[:-1], "after": series[1:]}
    )
    kinds = ["sampled_off", "deterministic", "uncertain"]
    cliffs = pd.DataFrame({"trace_id": trace_id, "t": [10, 20, 30], "kind": kinds})
    traces = traces_of(["p1"])
    located = cut_points.locate(estimates, traces, cliffs, RULES, seed=1)
    return located, estimates, traces, cliffs, RULES


def test_positions_are_those_of_a_trace_read_by_hand():
    points = rivals.point_positions(*points_by_hand()).set_index(["point", "t"])
    found = {point: points.loc[[point]].index.get_level_values("t").tolist() for point in POINTS[:7]
             if point in points.index.get_level_values(0)}  # fmt: skip
    assert found == {
        "first cliff": [10], "cliff": [10, 20, 30], "sampled_off": [10], "deterministic": [20],
        "uncertain": [30], "critical token": [30],
    }  # fmt: skip
    assert points.loc[("first cliff", 10), "distance"] == -20
    assert points.loc[("uncertain", 30), "distance"] == 0
    assert points.loc[("deterministic", 20), "relative"] == 0.5
    assert points.loc[["cliff"], "in_tangent"].tolist() == [True, False, True]
    # Tangents start with their tokens 9 and 29, and each holds a cliff.
    assert points.loc[["tangent"]].index.get_level_values("t").tolist() == [9, 29]
    assert points.loc[["tangent"], "with_cliff"].tolist() == [True, True]


def test_the_summary_counts_before_at_and_after():
    frame = rivals.positions(*points_by_hand(), INTERVALS)
    row = row_of(frame, model="m", point="cliff")
    assert row[["n", "before", "at", "after"]].tolist() == [3, 2, 1, 0]
    assert row["distance"] == pytest.approx(-10)  # -20, -10, 0
    assert row["in_tangent"] == pytest.approx(2 / 3)
    assert (row["lower_quartile"], row["median"]) == (0.375, 0.5)  # of .25, .5, .75
    row = row_of(frame, model="m", point="critical token")
    assert row[["n", "before", "at", "after"]].tolist() == [1, 0, 0, 0]  # not against itself
    assert row_of(frame, model="m", point="tangent")["with_cliff"] == 1
    empty = row_of(frame, model="m", point="other")
    assert empty["n"] == 0
    assert np.isnan(empty[["relative", "median", "in_tangent"]].astype(float)).all()


def replacement_by_hand():
    """Two sampled-off cliffs and a greedy one, with counts of 64.

    |    | before | after | greedy | del | keep |
    |----|--------|-------|--------|-----|------|
    | c1 | 48     | 16    | 40     | 40  | 16   |
    | c2 | 48     | 0     | 32     | 48  | 0    |
    | c3 | 32     | 16    | 16     | 24  | 16   |
    """
    rows = {
        "c1": ("sampled_off", 48, 16, 40, 40, 16),
        "c2": ("sampled_off", 48, 0, 32, 48, 0),
        "c3": ("uncertain", 32, 16, 16, 24, 16),
    }
    cliffs = pd.DataFrame(
        {
            "cliff_id": list(rows), "model": "m", "dataset": "d", "problem_id": list(rows),
            "kind": [row[0] for row in rows.values()], "outcome": "incorrect",
            "before": [row[1] / 64 for row in rows.values()],
            "after": [row[2] / 64 for row in rows.values()],
        }
    )  # fmt: skip
    greedy = pd.DataFrame(
        {
            "cliff_id": list(rows), "is_greedy": True, "rollouts": 64,
            "successes": [row[3] for row in rows.values()],
        }
    )  # fmt: skip
    junk = greedy.assign(is_greedy=False, successes=1)
    arms = pd.concat(
        pd.DataFrame(
            {
                "cliff_id": list(rows), "arm": arm, "rollouts": 64,
                "successes": [row[at] for row in rows.values()],
            }
        )
        for arm, at in (("del", 4), ("keep", 5))
    )  # fmt: skip
    return pd.concat([junk, greedy]), cliffs, arms


def test_the_greedy_token_recovers_by_the_numbers_of_a_hand_made_table():
    frame = rivals.greedy_replacement(*replacement_by_hand(), 0.2, INTERVALS)
    row = row_of(frame, model="m", kind="sampled_off", basis="selected")
    # Shortfalls 8/64 = 0.125 (A) and 16/64 = 0.25 (B).
    assert row[["n", "case_a", "case_b"]].tolist() == [2, 1, 1]
    assert row["shortfall"] == pytest.approx(0.1875)
    # Gains 24 and 32 of drops 32 and 48: 56/80; quotients 3/4 and 2/3.
    assert row["recovery"] == pytest.approx(0.7)
    assert row["mean_ratio"] == pytest.approx((3 / 4 + 2 / 3) / 2)
    row = row_of(frame, model="m", kind="sampled_off", basis="fresh")
    # Shortfalls 0 and 16; gains 24 and 32 of drops 24 and 48.
    assert row[["case_a", "case_b"]].tolist() == [1, 1]
    assert row["recovery"] == pytest.approx(56 / 72)
    assert np.isnan(row["mean_ratio"])
    row = row_of(frame, model="m", kind="uncertain", basis="selected")
    assert (row["case_b"], row["recovery"]) == (1, 0)
    assert row_of(frame, model="all", kind="all", basis="fresh")["n"] == 3


def test_where_fresh_rollouts_find_no_drop_there_is_nothing_to_recover():
    candidates, cliffs, arms = replacement_by_hand()
    arms.loc[arms["cliff_id"].eq("c3") & arms["arm"].eq("del"), "successes"] = 14  # kept: 16
    frame = rivals.greedy_replacement(candidates, cliffs, arms, 0.2, INTERVALS)
    row = row_of(frame, model="m", kind="uncertain", basis="fresh")
    assert (row["n"], row["case_a"]) == (1, 1)
    assert np.isnan(row["recovery"])
    assert row_of(frame, model="m", kind="uncertain", basis="selected")["recovery"] == 0


def test_a_shortfall_of_the_limit_itself_is_case_b():
    candidates, cliffs, arms = replacement_by_hand()
    frame = rivals.greedy_replacement(candidates, cliffs, arms, 0.125, INTERVALS)
    assert row_of(frame, model="m", kind="sampled_off", basis="selected")["case_a"] == 0


def test_cliffs_on_correct_traces_are_not_replaced():
    candidates, cliffs, arms = replacement_by_hand()
    cliffs["outcome"] = "correct"
    frame = rivals.greedy_replacement(candidates, cliffs, arms, 0.2, INTERVALS)
    assert (frame["n"] == 0).all()
    assert frame[["share_a", "recovery", "mean_ratio"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c, f, a: (c[c["cliff_id"].ne("c2")], f, a), "c2: has no greedy candidate"),
        (lambda c, f, a: (c, f, a[a["cliff_id"].ne("c2")]), "c2: has no fresh rollouts"),
    ],
)
def test_a_cliff_that_lacks_its_counts_is_refused_by_name(spoil, said):
    with pytest.raises(ValueError, match=said):
        rivals.greedy_replacement(*spoil(*replacement_by_hand()), 0.2, INTERVALS)
