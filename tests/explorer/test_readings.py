"""A reading of a trace: curve, intervals, what the audit says, arms, and its row in the list."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.explorer import readings
from cliff_tokens.statistics import critical_value, pass_at_k, wilson


def test_a_curve_holds_counts_and_their_intervals_and_knows_the_verdict():
    counts = pd.DataFrame({"successes": [48, 16], "rollouts": [64, 64]})
    made = readings.curve(
        np.array([0.75, 0.25, 0.0]),
        readings.counted_ends(counts, 0.95),
        np.array([0.2, np.nan]),
        counts,
    )
    low, high = wilson(48, 64, 0.95)
    assert made["potential"] == [7500, 2500, 0]
    assert (made["low"][0], made["high"][0]) == (round(low * 10000), round(high * 10000))
    assert (made["low"][2], made["threshold"]) == (None, [2000, None])
    assert (made["successes"], made["rollouts"]) == ([48, 16], 64)


def test_rollouts_that_differ_are_a_list():
    counts = pd.DataFrame({"successes": [1, 2], "rollouts": [2, 4]})
    ends = readings.counted_ends(counts, 0.9)
    assert readings.curve(np.zeros(3), ends, np.zeros(2), counts)["rollouts"] == [2, 4]


def test_an_interval_of_errors_is_normal_and_a_probability():
    low, high = readings.normal_ends(np.array([0.5, 0.99, 1]), np.array([0.1, 0.1]), 0.95)
    assert low[0] == pytest.approx(0.5 - 0.1 * critical_value(0.95))
    assert (high[1], np.isnan(high[2])) == (1, True)


@pytest.mark.parametrize(
    ("possible", "confirmed", "word"),
    [
        (True, True, "confirmed"), (True, False, "not confirmed"), (False, False, "cannot be"),
        (False, True, "cannot be"), (None, None, None), (True, None, None),
        (False, None, "cannot be"),
    ],
)  # fmt: skip
def test_the_audit_in_a_word(possible, confirmed, word):
    assert readings.verdict_of_audit(possible, confirmed) == word


def test_arms_have_counts_pass_at_k_and_the_place_of_the_control():
    rows = pd.DataFrame(
        {
            "arm": ["del", "keep", "control_del", "control_keep"],
            "successes": [48, 0, 40, 41],
            "rollouts": 64,
            "trace_id": ["a", "a", "b", "b"],
            "prefix_t": [4, 5, 8, 9],
        }
    )
    made = readings.arms(rows, 0.95)
    assert made["k"] == [1, 4, 16, 64]
    assert made["del"]["pass"][:2] == [0.75, pytest.approx(pass_at_k(48, 64, 4), abs=1e-4)]
    assert (made["keep"]["low"], made["keep"]["successes"]) == (0, 0)
    assert made["control"] == {"trace": "b", "t": 9}
    without = readings.arms(rows.iloc[:2], 0.95)
    assert "control" not in without
    assert "control_del" not in without


def test_the_row_of_the_list_keeps_the_deepest_points_and_every_cliff():
    potential = [10000] * 50 + [0] + [10000] * 49 + [None]
    cliffs = [{"t": 50, "kind": "other", "audit": None}]
    made = readings.summary({"potential": potential, "cliffs": cliffs})
    assert (len(made["curve"]), made["curve"].count("0")) == (30, 1)
    assert (made["drop"], made["cliffs"]) == (10000, [[50, "other", None, 10000]])
    assert readings.summary({"potential": [5000], "cliffs": []})["curve"] == "i"
