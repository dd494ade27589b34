"""Cliffs on incorrect and correct traces against what a potential after them implies."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import INTERVALS, cell, show, values

from cliff_tokens.exhibits import figure_prevalence_null, style


def by_hand():
    """Four cliffs on three problems; kept, 1/4, 0, 1/2 and 3/4 of the rollouts succeed."""
    cliffs = pd.DataFrame(
        {
            "cliff_id": ["a@1", "a@2", "b@1", "c@1"],
            "model": "m",
            "dataset": "d",
            "problem_id": ["a", "a", "b", "c"],
            "ordinal": [1, 2, 1, 1],
            "outcome": ["incorrect", "incorrect", "incorrect", "correct"],
            "after": 0.0,
        }
    )
    arms = {"keep": [16, 0, 32, 48], "del": [64, 64, 64, 64]}
    resampling = pd.concat(
        pd.DataFrame(
            {"cliff_id": cliffs["cliff_id"], "arm": arm, "successes": counts, "rollouts": 64}
        )
        for arm, counts in arms.items()
    )
    return cliffs, resampling


def test_cliffs_are_expected_by_the_potential_after_them():
    frame = figure_prevalence_null.values(*by_hand(), INTERVALS, ["m", "none"], ["d"])
    row = cell(frame, model="m", dataset="d")
    assert (row["n"], row["problems"]) == (4, 3)
    assert (row["seen_incorrect"], row["seen_correct"]) == (3, 1)
    # 3/4 + 1 + 1/2 + 1/4 on incorrect traces.
    assert (row["expected_incorrect"], row["expected_correct"]) == (2.5, 1.5)
    assert row["excess"] == 0.5
    assert np.isnan(row["excess_low"])  # three problems tell no interval
    # The first cliffs of three traces fail with 3/4, 1/2 and 1/4; two or more of them do with
    # 3/4 1/2 3/4 + 3/4 1/2 1/4 + 1/4 1/2 1/4 + 3/4 1/2 1/4.
    assert (row["first"], row["first_incorrect"], row["first_expected"]) == (3, 2, 1.5)
    assert row["p"] == pytest.approx(9 / 32 + 3 / 32 + 1 / 32 + 3 / 32)
    empty = cell(frame, model="none", dataset="all")
    assert (empty["n"], empty["expected_incorrect"]) == (0, 0)
    assert np.isnan(empty["excess"])
    assert np.isnan(empty["p"])


@pytest.mark.parametrize("outcome", ["incorrect", "correct"])
def test_cliffs_on_traces_of_one_outcome_tell_no_interval(outcome):
    ids = np.arange(12).astype(str)
    cliffs = pd.DataFrame(
        {"cliff_id": ids, "model": "m", "dataset": "d", "problem_id": ids, "ordinal": 1}
    ).assign(outcome=outcome)
    resampling = pd.DataFrame(
        {"cliff_id": ids, "arm": "keep", "successes": np.arange(12), "rollouts": 64}
    )
    row = figure_prevalence_null.values(cliffs, resampling, INTERVALS, ["m"], ["d"]).iloc[0]
    assert row["excess"] == pytest.approx(66 / 64 if outcome == "incorrect" else 66 / 64 - 12)
    # Every resample has the same sign: taken for an interval, they would exclude zero.
    assert np.isnan([row["excess_low"], row["excess_high"]]).all()


def test_the_potential_that_selected_a_cliff_is_not_read(given):
    frame = values("figure_prevalence_null", given)
    spoiled = given["cliffs"].assign(before=np.nan, after=np.nan)
    again = values("figure_prevalence_null", given, cliffs=spoiled)
    pd.testing.assert_frame_equal(frame, again)


def test_outcomes_that_the_potential_alone_decides_leave_no_excess():
    """10,000 cliffs on as many problems, of any potential; the selected count is far too low."""
    rng, size = np.random.default_rng(4), 10_000
    truth = rng.uniform(0, 1, size)
    ids = np.arange(size).astype(str)
    cliffs = pd.DataFrame(
        {
            "cliff_id": ids, "model": "m", "dataset": "d", "problem_id": ids, "ordinal": 1,
            "outcome": np.where(rng.random(size) < truth, "correct", "incorrect"),
            "after": 0.5 * truth,
        }
    )  # fmt: skip
    resampling = pd.DataFrame(
        {"cliff_id": ids, "arm": "keep", "successes": rng.binomial(64, truth), "rollouts": 64}
    )
    row = figure_prevalence_null.values(cliffs, resampling, INTERVALS, ["m"], ["d"]).iloc[0]
    spread = np.sqrt((truth * (1 - truth) * (1 + 1 / 64)).sum())
    assert abs(row["excess"]) < 4 * spread
    assert (row["excess_high"] - row["excess_low"]) / (2 * 1.96) == pytest.approx(spread, rel=0.2)


def test_models_and_data_sets_add_up(given):
    frame = values("figure_prevalence_null", given)
    counts = ["n", "seen_incorrect", "seen_correct", "expected_incorrect", "expected_correct"]
    inner = frame[frame["model"].ne("all") & frame["dataset"].ne("all")]
    pooled = cell(frame, model="all", dataset="all")
    np.testing.assert_allclose(inner[counts].sum(), pooled[counts].astype(float))
    assert pooled["seen_incorrect"] == given["cliffs"]["outcome"].eq("incorrect").sum()
    assert pooled["seen_incorrect"] + pooled["seen_correct"] == pooled["n"]
    assert pooled["expected_incorrect"] + pooled["expected_correct"] == pytest.approx(pooled["n"])


def test_a_cliff_that_was_not_resampled_is_refused(given):
    arms = given["resampling"]
    first = given["cliffs"]["cliff_id"].iloc[0]
    lost = arms["cliff_id"].eq(first) & arms["arm"].eq("keep")
    with pytest.raises(ValueError, match=rf"{first}: was not resampled with its token kept"):
        values("figure_prevalence_null", given, resampling=arms[~lost])


def test_points_are_what_is_seen_and_lines_what_is_expected(given):
    frame, figure = show("figure_prevalence_null", given)
    assert len(figure.axes) == 1 + len(given["datasets"])
    for axes, dataset in zip(figure.axes, ["all", *given["datasets"]], strict=True):
        rows = frame[frame["dataset"].eq(dataset) & frame["model"].ne("all")]
        for outcome, marker in style.OUTCOME_MARKERS.items():
            points = [line for line in axes.lines if line.get_marker() == marker]
            assert [p.get_ydata()[0] for p in points] == rows[f"seen_{outcome}"].tolist()
            assert {p.get_color() for p in points} == {style.OUTCOME_COLORS[outcome]}
            few = [p.get_markerfacecolor() == "white" for p in points]
            assert few == rows["problems"].lt(style.FEW).tolist()
        heights = [segment[0][1] for lines in axes.collections for segment in lines.get_segments()]
        assert sorted(heights) == pytest.approx(
            sorted([*rows["expected_incorrect"], *rows["expected_correct"]])
        )


def test_the_exact_p_is_uniform_where_the_potential_alone_decides():
    rng, trials = np.random.default_rng(6), 600
    found = []
    for _ in range(trials):
        chances = rng.uniform(0, 1, 12)
        found.append(figure_prevalence_null.at_least(chances, (rng.random(12) < chances).sum()))
    # Whole numbers: p is at least uniform, and at most by the chance of one count.
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) <= level + 4 * np.sqrt(level / trials)
    assert 0.5 < np.mean(found) < 0.65
    assert figure_prevalence_null.at_least(np.array([0.3, 0.4]), 0) == 1
