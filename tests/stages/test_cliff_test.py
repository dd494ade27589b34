"""The rule on counts small enough to be worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.stages.cliff_test import CliffTest, FixedThreshold, boundary, flag_probability


def test_a_drop_at_the_threshold_is_no_cliff_yet():
    test = CliffTest(margin=0.25, z=2)
    assert test.threshold(0.125) == 0.5
    drops = np.array([0.5, np.nextafter(0.5, 1)])
    assert test.flags(drops, 0.125).tolist() == [False, True]


def test_the_boundary_of_four_rollouts():
    # From 4 of 4 (no error) to k of 4 the threshold is .1 + 1.645 sqrt(k/4 (1 - k/4) / 4): .456 at
    # k = 1 and 3, .511 at k = 2. From 3 of 4 to 1 of 4 both have an error: .604.
    found = boundary(CliffTest(), 4)
    assert found["successes_before"].tolist() == [0, 1, 2, 3, 4]
    assert found["successes_after"].isna().tolist() == [True, True, True, False, False]
    assert found["successes_after"].iloc[3:].tolist() == [0, 1]
    assert isinstance(found["successes_after"].dtype, pd.Int64Dtype)


def test_no_count_is_a_cliff_where_the_margin_is_everything():
    assert boundary(CliffTest(margin=1.0, z=0), 8)["successes_after"].isna().all()


def test_the_error_moves_the_rule_and_not_the_fixed_threshold():
    errors = np.array([0.0, 0.1, 0.2])
    assert CliffTest(0.1, 1).flags(0.25, errors).tolist() == [True, True, False]
    assert np.broadcast_to(FixedThreshold(0.25).flags(0.25, errors), 3).all()


@pytest.mark.parametrize(("rollouts", "after"), [(4, 4), (4, 2), (1, 3)])
def test_what_is_always_flagged_is_flagged_with_certainty(rollouts, after):
    sums = np.arange(rollouts + after + 1)
    always = flag_probability(CliffTest(margin=-2, z=0), sums, rollouts, after)
    np.testing.assert_allclose(always, 1)
    ends = flag_probability(CliffTest(), sums[[0, -1]], rollouts, after)
    assert ends.tolist() == [0, 0]  # all rollouts agree: there is nothing to fall


def test_probabilities_stand_in_the_order_of_the_sums_whatever_their_rollouts():
    test, before = CliffTest(0.1, 1.0), np.array([4, 4, 8, 4])
    found = flag_probability(test, np.array([5, 3, 4, 5]), before, 4)
    assert found[0] == found[3]
    assert found[2] == flag_probability(test, np.array([4]), 8, 4)[0]
