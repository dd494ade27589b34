"""pass@k by cut point, against numbers worked out by hand and by enumeration."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.cuts import COUNTS, cuts_of, estimates_of, traces_of
from helpers.exhibits import INTERVALS

from cliff_tokens.exhibits import table_cut_point_settings, table_cut_points, table_positions
from cliff_tokens.exhibits.cut_point_rates import POPULATIONS, RIVALS, compare_methods
from cliff_tokens.stages.cut_points import CutRules

MEMBERS = {
    "population_tangent": ["p1"],
    "cliff_first": ["p1", "p2"],
    "cliff_random": ["p1", "p2"],
    "all_failure": ["p1", "p2", "p3", "p4"],
}


def by_hand(ks=(1, 2, 4)):
    args = cuts_of(COUNTS), estimates_of(COUNTS), traces_of(COUNTS), INTERVALS
    frame = compare_methods(*args, ks, ["m"])
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
        successes = [COUNTS[name][method] for name in MEMBERS[population]]
        scores = [None if count is None else enumerated(count, k) for count in successes]
        measured = [score for score in scores if score is not None]
        row = frame.loc[(population, method, k)]
        assert (row["n"], row["with_cut"]) == (len(scores), len(measured))
        assert row["published"] == pytest.approx(sum(measured) / len(scores))
        assert row["fair"] == pytest.approx(sum(measured) / len(measured))


def test_differences_are_of_the_traces_where_both_have_a_cut_point():
    frame = by_hand()
    row = frame.loc[("all_failure", "tangent", 1)]
    # Only p1 has a cliff and a tangent: 2/4 - 3/4. The means are of two traces each.
    assert (row["pairs"], row["difference"]) == (1, pytest.approx(-0.25))
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
    cuts, estimates, traces = cuts_of(counts), estimates_of(counts), traces_of(counts)
    frame = table_cut_points.values(cuts, estimates, traces, INTERVALS, ["m", "none"])
    empty = frame[frame["population"].eq("cliff_first") | frame["model"].eq("none")]
    assert (empty["n"] == 0).all()
    assert empty[["published", "fair", "potential", "difference"]].isna().all(axis=None)
    assert sorted(frame["k"].unique()) == [1, 4]
    none = table_cut_points.values(cuts.iloc[:0], estimates, traces.iloc[:0], INTERVALS, [])
    assert none["model"].unique().tolist() == ["all"]
    assert (none["n"] == 0).all()


def everything(run, cuts):
    models, datasets = ["small", "large"], ["chains", "factors"]
    args = cuts, run["estimates"], run["traces"]
    return [
        table_cut_points.values(*args, INTERVALS, models),
        table_cut_point_settings.values(cuts, run["traces"], INTERVALS, models, datasets),
        table_positions.values(*args, run["cliffs"], CutRules(), INTERVALS, models),
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


def test_successes_are_also_counted_for_the_tokens_that_they_took():
    cut_points = cuts_of(COUNTS)
    row = by_hand().loc[("all_failure", "tangent", 1)]
    own = cut_points[cut_points["method"].eq("tangent")].dropna(subset="rollouts")
    assert len(own) == row["with_cut"] > 1
    expected = 1000 * own["successes"].sum() / own["generated_tokens"].sum()
    assert row["per_1000_tokens"] == pytest.approx(expected)
    # A cut that leaves half as much to write is twice as productive at equal pass@1.
    half = cut_points.assign(generated_tokens=cut_points["generated_tokens"] // 2)
    args = half, estimates_of(COUNTS), traces_of(COUNTS), INTERVALS, [1], ["m"]
    again = compare_methods(*args).set_index(["model", "population", "method"])
    found = again.loc[("m", "all_failure", "tangent")]
    assert found["per_1000_tokens"] == pytest.approx(2 * expected)
    assert found["fair"] == row["fair"]
