"""Every way to cut a trace, on series whose answer is worked out by hand, and their rollouts."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from helpers import markov, synthetic
from helpers.markov import MarkovEngine, count_potential, policy, sample_chain
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import cut_points
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.cut_points import (
    METHODS,
    CutRules,
    collect_cut_points,
    plan_cut_points,
)
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.stages.resampling import match_controls
from cliff_tokens.stages.traces import score

RULES = CutRules()
SAMPLER = Sampler(temperature=1.0, top_p=0.9)


@pytest.mark.parametrize(
    ("series", "critical"),
    [
        # p_0 ..         the first t >= 1 with p_t = 0 after which all stay below 0.05
        ([0.9, 0.8, 0.0, 0.04, 0.0], 2),  # 0.04 is low, so t = 2 holds to the end
        ([0.9, 0.0, 0.5, 0.0, 0.0], 3),  # t = 1 does not: 0.5 follows
        ([0.9, 0.0, 0.05, 0.0], 3),  # 0.05 is not below 0.05
        ([0.9, 0.0, 0.0499, 0.0], 1),
        ([0.9, 0.04, 0.03, 0.0], 3),  # low, but 0 only at the end: the verdict
        ([0.0, 0.0, 0.0], 1),  # zero throughout: the first token, cut at the bare prompt
        ([0.7, 0.0], 1),  # T = 1
        ([0.7, 1.0], None),  # a right answer has no critical token
        ([0.9, 0.0, 0.2, 0.02], None),  # never 0 again after 0.2
    ],
)
def test_the_critical_token_is_the_first_zero_that_lasts(series, critical):
    assert RULES.critical(np.array(series)) == critical


@pytest.mark.parametrize(("rollouts", "critical"), [(20, 3), (21, 1)])
def test_a_share_that_equals_the_limit_is_not_below_it(rollouts, critical):
    # 1 of 20 is 0.05, 1 of 21 less.
    series = np.array([9, 0, 1, 0]) / rollouts
    assert RULES.critical(series) == critical


@pytest.mark.parametrize(
    ("series", "tangents"),
    [
        # T = 40 in 20 chunks of two tokens. Falls from 1 to 0.7 between prefixes 4 and 6.
        ([1.0] * 5 + [0.85] + [0.7] * 35, [(4, 6)]),
        # The same fall across a boundary is 0.15 in each of two chunks.
        ([1.0] * 4 + [0.85] * 2 + [0.7] * 35, []),
        # Two falls; the dip within a chunk that has recovered at its end is none.
        ([1.0, 0.2] + [1.0] * 8 + [0.5] * 20 + [0.1] * 11, [(8, 10), (28, 30)]),
        ([0.0] * 41, []),
        ([0.25] * 40 + [0.0], []),  # a fall of 0.25
        ([0.3] * 40 + [0.0], [(38, 40)]),  # the verdict ends the last chunk
    ],
)
def test_a_tangent_is_a_chunk_over_which_the_potential_falls(series, tangents):
    assert RULES.tangents(np.array(series)).tolist() == [list(pair) for pair in tangents]


@pytest.mark.parametrize("last", [1, 2, 3, 7, 19, 20, 21, 40, 57, 113, 1024])
def test_boundaries_of_chunks_are_those_of_linspace(last):
    # A fall in every chunk that is not empty shows all boundaries.
    series = np.arange(last, -1, -1.0)
    found = RULES.tangents(series)
    bounds = np.linspace(0, last, 21, dtype=int)
    expected = [pair for pair in pairwise(bounds) if pair[0] < pair[1]]
    assert found.tolist() == [list(pair) for pair in expected]
    assert len(found) == min(last, 20)


def test_fewer_tokens_than_chunks_leave_chunks_empty():
    # T = 3: floor(3 i / 20) is 0 up to i = 6, 1 up to 13, 2 up to 19, 3 at 20.
    assert RULES.tangents(np.array([1.0, 0.6, 0.6, 0.0])).tolist() == [[0, 1], [2, 3]]
    assert RULES.tangents(np.array([0.7, 0.0])).tolist() == [[0, 1]]  # T = 1


@given(st.lists(st.integers(0, 20), min_size=2, max_size=60), st.integers(1, 25))
def test_rules_agree_with_their_sentences_read_aloud(counts, chunks):
    series, rules = np.array(counts) / 20, CutRules(chunks=chunks)
    last = len(series) - 1
    critical = [
        t
        for t in range(1, last + 1)
        if series[t] == 0 and all(later < 0.05 for later in series[t + 1 :])
    ]
    assert rules.critical(series) == (critical[0] if critical else None)
    bounds = [i * last // chunks for i in range(chunks + 1)]
    falls = [
        [start, end]
        for start, end in pairwise(bounds)
        if counts[start] - counts[end] >= 6  # 0.3 of 20
    ]
    assert rules.tangents(series).tolist() == falls


def trace(name, length, verdict="incorrect"):
    return {
        "trace_id": f"m/d/{name}/0", "model": "m", "dataset": "d", "problem_id": name,
        "token_ids": np.arange(length), "verdict": verdict,
    }  # fmt: skip


def estimates_of(name, series):
    return pd.DataFrame(
        {
            "trace_id": f"m/d/{name}/0", "t": range(1, len(series)),
            "before": series[:-1], "after": series[1:],
        }
    )  # fmt: skip


def cliffs_at(name, *tokens):
    return pd.DataFrame({"trace_id": f"m/d/{name}/0", "t": tokens}, dtype=object)


def by_hand():
    """Four traces whose cut points are known; b is correct and has none."""
    flat = [0.2] * 9 + [0.0]  # falls by 0.2 at the end: no tangent; critical at T = 9
    steep = [1.0, 1.0, 0.2, 0.2, 0.0, 0.0]  # T = 5: falls at 2 (0.8) and 4 (0.2), critical at 4
    series = {"a": steep, "b": [1.0, 1.0], "c": flat, "d": [0.5, 0.0]}
    verdicts = {"b": "correct", "c": "unparsed"}
    return (
        pd.concat([estimates_of(*item) for item in series.items()]),
        pd.DataFrame(
            [trace(name, len(s) - 1, verdicts.get(name, "incorrect")) for name, s in series.items()]
        ),
        pd.concat([cliffs_at("a", 2), cliffs_at("d", 1)]),
    )


def cuts_of(located, name):
    own = located[located["trace_id"].eq(f"m/d/{name}/0")].set_index("method")["prefix_t"]
    return {method: None if pd.isna(own[method]) else int(own[method]) for method in METHODS}


def test_every_method_cuts_before_the_token_it_blames():
    located = cut_points.locate(*by_hand(), RULES, seed=1)
    assert set(located["trace_id"]) == {"m/d/a/0", "m/d/c/0", "m/d/d/0"}  # unparsed has failed too
    steep = cuts_of(located, "a")
    random = steep.pop("random")
    assert 1 <= random <= 4
    assert steep == {
        "cliff_first": 1, "cliff_random": 1, "critical": 3, "tangent": 1, "restart": 0,
    }  # fmt: skip
    flat = cuts_of(located, "c")
    assert 1 <= flat.pop("random") <= 8
    assert flat == {
        "cliff_first": None, "cliff_random": None, "critical": 8, "tangent": None, "restart": 0,
    }  # fmt: skip


def test_one_token_leaves_nothing_to_draw_from():
    located = cut_points.locate(*by_hand(), RULES, seed=1)
    assert cuts_of(located, "d") == {
        "cliff_first": 0, "cliff_random": 0, "critical": 0, "tangent": 0, "random": None,
        "restart": 0,
    }  # fmt: skip


def test_draws_depend_on_the_trace_and_the_seed_and_on_no_order():
    run = synthetic.run(problems=6)
    frames = run["estimates"], run["traces"], run["cliffs"]
    located = cut_points.locate(*frames, RULES, seed=3)
    shuffled = [frame.sample(frac=1, random_state=1) for frame in frames]
    again = cut_points.locate(*shuffled, RULES, seed=3)
    keys = ["trace_id", "method"]
    pd.testing.assert_frame_equal(
        located.sort_values(keys, ignore_index=True), again.sort_values(keys, ignore_index=True)
    )
    half = run["traces"].iloc[::2]
    part = cut_points.locate(run["estimates"], half, run["cliffs"], RULES, seed=3)
    inside = located[located["trace_id"].isin(half["trace_id"])]
    assert part["prefix_t"].tolist() == inside["prefix_t"].tolist()
    other = cut_points.locate(*frames, RULES, seed=4)
    random = [frame.loc[frame["method"].eq("random"), "prefix_t"] for frame in (located, other)]
    assert (random[0] != random[1]).any()


def test_random_cuts_are_uniform_over_all_but_the_ends():
    # 3000 draws from 1 .. 4: each 750 times, give or take four standard errors of 24.
    names = [f"p{number}" for number in range(3000)]
    estimates = pd.concat([estimates_of(name, [0.0] * 6) for name in names])
    failed = pd.DataFrame([trace(name, 5) for name in names])
    located = cut_points.locate(estimates, failed, cliffs_at("p0"), RULES, seed=5)
    counts = located.loc[located["method"].eq("random"), "prefix_t"].value_counts()
    assert sorted(counts.index) == [1, 2, 3, 4]
    assert counts.between(654, 846).all()


def test_a_random_cliff_is_any_cliff_of_its_trace():
    names = [f"p{number}" for number in range(300)]
    estimates = pd.concat([estimates_of(name, [0.5] * 9 + [0.0]) for name in names])
    failed = pd.DataFrame([trace(name, 9) for name in names])
    found = pd.concat([cliffs_at(name, 8, 2, 5) for name in names])
    located = cut_points.locate(estimates, failed, found, RULES, seed=5)
    of = {method: rows["prefix_t"] for method, rows in located.groupby("method")}
    assert of["cliff_first"].unique().tolist() == [1]
    # 300 draws from three: each 100 times, give or take four standard errors of 8.
    assert sorted(of["cliff_random"].unique()) == [1, 4, 7]
    assert of["cliff_random"].value_counts().between(67, 133).all()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda e: e[e["t"].ne(3)], "m/d/a/0: expected estimates of the tokens 1 .. 5, found 4"),
        (lambda e: e[e["trace_id"].ne("m/d/c/0")], "m/d/c/0: has no estimates"),
    ],
)
def test_a_series_with_a_hole_is_refused_by_name(spoil, said):
    estimates, failed, found = by_hand()
    with pytest.raises(ValueError, match=said):
        cut_points.locate(spoil(estimates), failed, found, RULES, seed=1)


@pytest.fixture(scope="module")
def chain():
    """Every stage up to resampling, by real rollouts of a Markov chain."""
    engine = MarkovEngine(vocabulary=10, seed=5)
    chain = policy(engine, SAMPLER)
    problems, sampled = sample_chain(engine, SAMPLER, 30, max_tokens=60)
    counts = count_potential(sampled, problems, chain, 16)
    tokens, _ = score(sampled, chain, support=20)
    estimates = estimate_independent(counts, sampled)
    # A wide margin, so that some incorrect traces have no cliff.
    test = CliffTest(margin=0.4, z=0.8)
    found = detect(estimates, sampled, tokens, test, certain=0.99)
    matched = match_controls(found, estimates, tokens, sampled)
    return {
        "estimates": estimates,
        "traces": sampled,
        "cliffs": found,
        "resampling": markov.resample(found, matched, sampled, problems, chain, 16),
        "problems": problems,
        "engine": engine,
    }


def resample(chain, count=16, **changed):
    use = chain | changed
    cuts = cut_points.locate(use["estimates"], use["traces"], use["cliffs"], RULES, seed=7)
    plan = plan_cut_points(cuts, use["resampling"], count)
    drawn = markov.draw(plan, use["traces"], use["problems"], policy(use["engine"], SAMPLER))
    return collect_cut_points(cuts, use["resampling"], plan, drawn)


@pytest.fixture(scope="module")
def resampled(chain):
    return resample(chain)


def test_a_trace_without_a_cut_point_was_not_measured(resampled):
    has = resampled["prefix_t"].notna()
    assert 0 < has.sum() < len(has)
    counts = ["successes", "rollouts", "unparsed", "timeouts", "truncated", "generated_tokens"]
    assert resampled.loc[has, [*counts, "reused"]].notna().all(axis=None)
    assert resampled.loc[~has, [*counts, "reused"]].isna().all(axis=None)


def test_cliffs_take_the_rollouts_of_the_arm_del(chain, resampled):
    first = chain["cliffs"].query("outcome == 'incorrect' and ordinal == 1")
    assert len(first) > 3
    arms = chain["resampling"].query("arm == 'del'").set_index("cliff_id")
    own = resampled[resampled["method"].eq("cliff_first")].set_index("trace_id")
    for cliff in first.itertuples():
        row, arm = own.loc[cliff.trace_id], arms.loc[cliff.cliff_id]
        assert row["prefix_t"] == cliff.t - 1 == arm["prefix_t"]
        assert row["successes"] == arm["successes"]
        assert row["reused"] == row["rollouts"] == 16


def test_methods_that_cut_at_the_same_place_share_its_rollouts(resampled):
    cuts = resampled.dropna()
    together = cuts.groupby(["trace_id", "prefix_t"])
    assert (together.size() > 1).any()
    assert together["successes"].nunique().max() == 1
    fresh = cuts[cuts["reused"].eq(0)]
    assert {"critical", "random", "restart"} <= set(fresh["method"])


def test_traces_do_not_share_the_rollouts_of_their_bare_prompts(resampled):
    # Every prompt of the chain is the same, so that equal streams would give equal counts.
    restarts = resampled[resampled["method"].eq("restart")]
    assert restarts["generated_tokens"].nunique() > len(restarts) / 2


def test_rollouts_depend_on_the_place_and_not_on_shards_or_order(chain, resampled):
    keys = ["trace_id", "method"]
    order = {
        name: chain[name].sample(frac=1, random_state=2)
        for name in ("estimates", "traces", "cliffs", "resampling", "problems")
    }
    pd.testing.assert_frame_equal(
        resample(chain, **order).sort_values(keys, ignore_index=True),
        resampled.sort_values(keys, ignore_index=True),
    )
    shards = [resample(chain, traces=chain["traces"][number::3]) for number in (0, 1, 2)]
    pd.testing.assert_frame_equal(
        pd.concat(shards).sort_values(keys, ignore_index=True),
        resampled.sort_values(keys, ignore_index=True),
    )


def test_the_table_reads_back_with_its_nulls(resampled, tmp_path):
    tables.write(resampled, tmp_path / "a.parquet", "cut_points", {"rule": "test"})
    again = tables.read(tmp_path / "a.parquet", "cut_points")
    assert again["successes"].isna().sum() == resampled["successes"].isna().sum()
    assert again["successes"].sum() == resampled["successes"].sum()


def test_traces_that_are_all_correct_have_no_cut_points(chain):
    none = resample(chain, traces=chain["traces"][chain["traces"]["verdict"].eq("correct")])
    assert none.empty


def test_a_cliff_that_was_not_resampled_is_refused_by_name(chain):
    first = chain["cliffs"].query("outcome == 'incorrect'")["cliff_id"].iloc[0]
    arms = chain["resampling"][chain["resampling"]["cliff_id"].ne(first)]
    with pytest.raises(ValueError, match="has no rollouts of the arm del"):
        resample(chain, resampling=arms)


def test_potential_at_a_cut_is_what_its_rollouts_measure_anew(chain):
    # pass@1 of a cut is another estimate of the exact potential of its prefix.
    fresh = resample(chain, count=256).query("reused == 0")
    exact = chain["engine"].potentials(SAMPLER)
    by_id = chain["traces"].set_index("trace_id")
    states = [
        by_id.loc[row.trace_id, "token_ids"][row.prefix_t - 1] if row.prefix_t else 2
        for row in fresh.itertuples()
    ]
    places = fresh.assign(exact=exact[states]).drop_duplicates(["trace_id", "prefix_t"])
    inner = places[places["exact"].between(0.02, 0.98)]
    assert len(inner) > 20
    successes, share = inner["successes"].astype(float), inner["exact"]
    score = (successes - 256 * share) / np.sqrt(256 * share * (1 - share))
    assert abs(score.mean()) * np.sqrt(len(score)) < 4
    assert 0.5 < score.std() < 1.5
