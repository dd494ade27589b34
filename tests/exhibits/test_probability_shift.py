"""Probability shift by hand: means, pairs, intervals, and variants that nothing was trained on."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import INTERVALS, cell, words

from cliff_tokens import legends
from cliff_tokens.exhibits import figure_probability_shift, table_probability_shift
from cliff_tokens.scorecard.claims import CLAIMS

VARIANTS = ["all", "uncertain", "deterministic"]  # nothing was trained on the last


def row(cliff, kind, role, token, before, change, variant="all", seed=1, problem=None):
    """A row of ``shifts``; probabilities become logarithms."""
    return {
        "model": "m", "variant": variant, "seed": seed, "cliff_id": f"m/d/p{cliff}/0@3",
        "dataset": "d", "problem_id": f"p{problem or cliff}", "kind": kind, "role": role,
        "token_id": token, "before": np.log(before), "after": np.log(before) + change,
    }  # fmt: skip


def test_a_cliff_counts_once_whatever_its_seeds_and_tokens():
    # The first cliff falls by .2 and .4 in two seeds, what is preferred rises by .1, .3, .5 and .7;
    # the second rises by .1, and nothing is preferred to it.
    shifts = pd.DataFrame(
        [
            row(1, "uncertain", "cliff", 7, 0.5, -0.2), row(1, "uncertain", "chosen", 8, 0.2, 0.1),
            row(1, "uncertain", "chosen", 9, 0.1, 0.3),
            row(1, "uncertain", "cliff", 7, 0.5, -0.4, seed=2),
            row(1, "uncertain", "chosen", 8, 0.2, 0.5, seed=2),
            row(1, "uncertain", "chosen", 9, 0.1, 0.7, seed=2),
            row(2, "sampled_off", "cliff", 7, 0.1, 0.1),
            row(2, "sampled_off", "cliff", 7, 0.1, 0.1, seed=2),
        ]
    )  # fmt: skip
    frame = table_probability_shift.values(shifts, INTERVALS, ["m"], VARIANTS)
    both = cell(frame, variant="all", kind="all")
    assert (both["n"], both["problems"], both["seeds"], both["paired"]) == (2, 2, 2, 1)
    assert both["shift"] == pytest.approx((-0.3 + 0.1) / 2)
    assert both["chosen_shift"] == pytest.approx(0.4)
    assert both["margin"] == pytest.approx(0.7)  # of the first cliff, which has both
    assert both["before"] == pytest.approx((0.5 + 0.1) / 2)
    of_one = cell(frame, variant="all", kind="uncertain")
    assert of_one["after"] == pytest.approx(0.5 * (np.exp(-0.2) + np.exp(-0.4)) / 2)
    assert cell(frame, variant="all", kind="sampled_off")["paired"] == 0
    untrained = cell(frame, variant="deterministic", kind="all")
    assert (untrained["n"], untrained["seeds"]) == (0, 0)
    assert np.isnan(untrained["shift"])
    assert not frame["kind"].eq("other").any()  # no cliff is


@pytest.fixture(scope="module")
def many():
    """Forty cliffs on twenty problems: all falls by about .1, uncertain does nothing."""
    rng = np.random.default_rng(4)
    rows = []
    for number, noise in enumerate(rng.normal(0, 0.05, 40)):
        kind, about = ("uncertain", "sampled_off")[number % 2], {"problem": number // 2 + 1}
        for variant, change in (("all", -0.1 + noise), ("uncertain", 0.0)):
            rows.append(row(number, kind, "cliff", 7, 0.4, change, variant, **about))
            rows.append(row(number, kind, "chosen", 8, 0.3, -change, variant, **about))
    return figure_probability_shift.values(pd.DataFrame(rows), INTERVALS, ["m"], VARIANTS)


def test_intervals_are_over_problems_and_hold_what_they_are_of(many):
    found = cell(many, variant="all", kind="all")
    assert (found["n"], found["problems"]) == (40, 20)
    assert found["shift_low"] < found["shift"] < found["shift_high"] < 0
    # Forty cliffs with a deviation of .05 on twenty problems: errors near .05 / sqrt(40) = .008.
    assert 0.015 < found["shift_high"] - found["shift_low"] < 0.08
    legends.of_exhibit("table_probability_shift", many.columns)


def test_what_moves_is_drawn_away_from_zero_and_what_was_not_trained_says_so(many):
    figure = figure_probability_shift.draw(many)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["uncertain, n = 20", "sampled-off, n = 20", "all cliffs, n = 40"]
    assert words(figure).count("no pairs") == 3
    marks = {
        line.get_marker(): line.get_xdata()[0]
        for line in reversed(figure.axes[-1].lines)
        if line.get_marker() in "v^"
    }
    assert marks["v"] == pytest.approx(-marks["^"], abs=1e-9)
    assert marks["v"] == pytest.approx(-0.1, abs=0.03)
    low, high = figure.axes[0].get_xlim()
    assert low <= -0.1
    assert high >= 0.1


def test_a_run_without_cliffs_or_pairs_is_drawn(many):
    nothing = pd.DataFrame([row(1, "uncertain", "cliff", 7, 0.5, 0.0)])[:0]
    frame = figure_probability_shift.values(nothing, INTERVALS, ["m"], VARIANTS)
    figure = figure_probability_shift.draw(frame)
    figure.canvas.draw()
    assert words(figure).count("no pairs") == len(VARIANTS)


def test_that_deterministic_cliffs_are_near_certain_is_read_before_training_and_can_fail():
    claim = CLAIMS["deterministic_cliffs_are_near_certain"]
    for probability, word in ((0.995, "agrees"), (0.5, "differs")):
        rows = [
            row(number, "deterministic", "cliff", 7, probability + number / 1e4, 0.3, variant)
            for number in range(8)
            for variant in ("all", "uncertain")
        ]
        frame = table_probability_shift.values(pd.DataFrame(rows), INTERVALS, ["m"], VARIANTS)
        (found,) = claim.judge(frame, 0.95)
        assert found.n == 8
        assert claim.outcome(found) == word
