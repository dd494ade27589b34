"""Drawn counts in place of rollouts: by hand, and what must not move them."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.stages.simulation import estimates_of_counts, published

# Trace a ends wrong, trace b right.
ORDERED = pd.DataFrame(
    {
        "trace_id": ["a", "a", "b"], "t": [1, 2, 1],
        "before": [0.7, 0.3, 0.9], "after": [0.3, 0.0, 1.0],
    }
)  # fmt: skip


def test_counts_become_shares_and_the_last_ends_at_the_verdict():
    found = estimates_of_counts(ORDERED, np.array([6, 2, 8]), 8)
    assert found["before"].tolist() == [0.75, 0.25, 1]
    assert found["after"].tolist() == [0.25, 0, 1]
    assert found["drop_se"].tolist() == pytest.approx(
        [np.sqrt(2 * 3 / 16 / 8), np.sqrt(3 / 16 / 8), 0]
    )


def test_drawn_shares_are_whole_counts_and_their_error_is_the_plug_in():
    found = published(ORDERED, 8, seed=1)
    counts = 8 * found["before"]
    assert counts.tolist() == np.rint(counts).tolist()
    assert found["before_se"].tolist() == pytest.approx(
        np.sqrt(found["before"] * (1 - found["before"]) / 8).tolist()
    )


def test_a_share_beyond_its_bounds_is_drawn_as_the_bound():
    # Corrections of the recursion can leave [0, 1] by a little.
    found = published(ORDERED.assign(before=[-0.01, 1.02, 1.0]), 16, seed=1)
    assert found["before"].tolist() == [0, 1, 1]


def test_draws_are_keyed_by_seed_trace_and_token_and_not_by_order():
    many = pd.concat(
        [ORDERED.assign(trace_id=f"{name}{number}") for name in "ab" for number in range(20)],
        ignore_index=True,
    ).drop_duplicates(["trace_id", "t"])
    once = published(many, 64, seed=1)
    pd.testing.assert_frame_equal(published(many.sample(frac=1, random_state=4), 64, seed=1), once)
    assert not once["before"].equals(published(many, 64, seed=2)["before"])
    first = once[once["t"].eq(1)]["before"]
    assert first.nunique() > 5  # equal potential, but each trace has a stream of its own
