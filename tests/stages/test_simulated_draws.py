"""Simulated draws against real ones of a Markov chain."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cliff_tokens.stages.recursion import estimate_recursive, leavers_of
from cliff_tokens.stages.simulated_draws import (
    Truth,
    draw_branches,
    draw_independent,
    draw_leavers,
    expected_lengths,
)
from cliff_tokens.statistics import unpooled_error

ROLLOUTS = 16  # of the chain's potential


def truth_of(chain):
    names = ("traces", "tokens", "alternatives", "reference", "branches")
    return Truth(*(chain[name] for name in names))


def test_simulated_rollouts_are_distributed_as_real_ones(chain):
    """Counts at every prefix from the exact potential: real ones lie among simulated ones."""
    rng = np.random.default_rng(0)
    exact = chain["exact"].sort_values(["trace_id", "t"])
    spread = np.sqrt(exact["before"] * (1 - exact["before"]) / ROLLOUTS).to_numpy()
    inner = spread > 0

    def standardized(estimates):
        ordered = estimates.sort_values(["trace_id", "t"])
        return ((ordered["before"].to_numpy() - exact["before"]) / spread).to_numpy()[inner]

    real = standardized(chain["independent"])
    drawn = np.concatenate(
        [standardized(draw_independent(chain["exact"], ROLLOUTS, rng)) for _ in range(20)]
    )
    assert stats.ks_2samp(real, drawn).pvalue > 0.001
    assert abs(drawn.mean()) < 4 / np.sqrt(len(drawn))
    assert drawn.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(drawn)))


def test_simulated_and_real_estimates_have_the_same_errors_of_drops(chain):
    real = chain["independent"]
    drawn = draw_independent(chain["exact"], ROLLOUTS, np.random.default_rng(1))
    assert drawn[["trace_id", "t"]].equals(real[["trace_id", "t"]])
    last = drawn["trace_id"].ne(drawn["trace_id"].shift(-1))
    assert drawn.loc[last, "after"].equals(real.loc[last, "after"])
    wanted = unpooled_error(drawn["before"] * ROLLOUTS, drawn["after"] * ROLLOUTS, ROLLOUTS)
    np.testing.assert_allclose(drawn["drop_se"], wanted)


def test_simulated_branches_give_back_the_reference(chain):
    rng = np.random.default_rng(2)
    wanted = chain["reference"].set_index(["trace_id", "t"])["before"]
    found = []
    for _ in range(30):
        drawn = draw_branches(truth_of(chain), 64, rng)
        estimates = estimate_recursive(chain["traces"], chain["tokens"], drawn)
        found.append(estimates.set_index(["trace_id", "t"])["before"])
    error = pd.concat(found, axis=1).mean(axis=1) - wanted
    # The reference rounds its shares of first tokens to whole branches.
    assert error.abs().mean() < 0.01


def test_expected_lengths_are_those_of_real_rollouts(chain):
    found = expected_lengths(chain["tokens"], chain["branches"])
    real = (
        chain["potential"].assign(t=chain["potential"]["t"] + 1).merge(found, on=["trace_id", "t"])
    )
    ratio = real["generated_tokens"].sum() / (ROLLOUTS * real["length"].sum())
    assert ratio == pytest.approx(1, abs=0.05)


def test_as_many_real_rollouts_leave_at_a_token_as_simulated_ones(chain):
    rng, keys = np.random.default_rng(3), ["trace_id", "t"]
    real = leavers_of(chain["potential"]).set_index(keys)
    drawn = [draw_leavers(truth_of(chain), ROLLOUTS, rng).set_index(keys) for _ in range(40)]
    for column in ("rollouts", "successes"):
        simulated = pd.concat([one[column] for one in drawn], axis=1).fillna(0)
        found = real[column].reindex(simulated.index, fill_value=0)
        spread = simulated.std(axis=1)
        z = ((found - simulated.mean(axis=1)) / spread)[spread > 1]
        assert len(z) > 100
        assert abs(z.mean()) < 4 / np.sqrt(len(z))
        # The reference's own branches have noise of their own, which successes share.
        assert z.std() == pytest.approx(1, abs=0.25)
