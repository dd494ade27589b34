"""Pairs of counts and their drops, by hand: two traces, each prefix with rollouts of its own."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.stages.drops import estimate_drops, pair_counts

# Trace a has 3/4 and 2/8 before its verdict, which is wrong; trace b has 5/5 and is right.
POTENTIAL = pd.DataFrame(
    {"trace_id": ["a", "a", "b"], "t": [0, 1, 0], "successes": [3, 2, 5], "rollouts": [4, 8, 5]}
)
CORRECT = np.array([False, False, True])


def test_counts_are_paired_within_a_trace_and_the_verdict_follows_the_last():
    pairs = pair_counts(POTENTIAL, CORRECT)
    assert pairs["t"].tolist() == [1, 2, 1]
    assert pairs["last"].tolist() == [False, True, True]
    before = pairs[["successes_before", "rollouts_before"]].to_numpy().tolist()
    after = pairs[["successes_after", "rollouts_after"]].to_numpy().tolist()
    assert before == [[3, 4], [2, 8], [5, 5]]
    assert after == [[2, 8], [0, 8], [5, 5]]


def test_drops_are_between_shares_of_their_own_rollouts():
    drops = estimate_drops(pair_counts(POTENTIAL, CORRECT))
    assert drops["before"].tolist() == [0.75, 0.25, 1]
    assert drops["after"].tolist() == [0.25, 0, 1]
    # 3/16 is the variance of a rollout at 3/4 and at 1/4; the verdict has none.
    expected = [np.sqrt(3 / 16 / 4 + 3 / 16 / 8), np.sqrt(3 / 16 / 8), 0]
    assert drops["drop_se"].tolist() == pytest.approx(expected)


def test_counts_are_summed_in_wide_integers():
    narrow = POTENTIAL.astype({"successes": "int8", "rollouts": "int8"})
    many = narrow.assign(successes=np.int8(100), rollouts=np.int8(120))
    pairs = pair_counts(many, np.array([True, True, True]))
    assert (pairs["successes_before"] + pairs["successes_after"]).tolist() == [200, 220, 220]


def test_no_prefix_gives_no_drop():
    drops = estimate_drops(pair_counts(POTENTIAL[:0], CORRECT[:0]))
    assert drops.empty
    assert {"before", "after", "drop_se"} <= set(drops)
