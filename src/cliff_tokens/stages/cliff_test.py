"""The rule: which drops in potential are larger than their estimate's noise explains.

It is that of the paper, Section 3: a one-sided test of "the drop is at most the margin", with
strict inequalities. It takes a drop and its standard error, so it serves every estimator; with
independent rollouts the error is the paper's unpooled one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from cliff_tokens.statistics import unpooled_error


@dataclass(frozen=True)
class CliffTest:
    """One-sided z-test of a drop in potential (paper, Section 3).

    ``margin`` is the drop that the null hypothesis still allows; ``z`` is the one-sided critical
    value.
    """

    margin: float = 0.1
    z: float = 1.645

    def threshold(self, error: np.ndarray) -> np.ndarray:
        """The drop that is not yet a cliff, from the drop's standard error."""
        return self.margin + self.z * error

    def flags(self, drop: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Which drops are cliffs."""
        return drop > self.threshold(error)


@dataclass(frozen=True)
class FixedThreshold:
    """The comparison rule: any drop of at least ``drop``, whatever its noise."""

    drop: float

    def flags(self, drop: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Which drops reach the threshold."""
        # A drop of 3 in 10 is not 0.3 in binary floating point.
        return drop >= self.drop - 1e-9


def boundary(test: CliffTest, rollouts: int) -> pd.DataFrame:
    """For every count before a token, the largest count after it that is still a cliff.

    Columns ``successes_before`` (0 .. rollouts) and ``successes_after`` (null where no drop from
    that count is a cliff), for the estimator ``independent``.
    """
    counts = np.arange(rollouts + 1)
    before, after = counts[:, None], counts[None, :]
    drop = (before - after) / rollouts
    cliff = test.flags(drop, unpooled_error(before, after, rollouts))
    largest = np.where(cliff.any(axis=1), rollouts - cliff[:, ::-1].argmax(axis=1), -1)
    after = pd.array(largest, dtype="Int64")
    after[largest < 0] = pd.NA
    return pd.DataFrame({"successes_before": counts, "successes_after": after})


def flag_probability(
    test: CliffTest,
    sums: np.ndarray,
    rollouts: np.ndarray | int,
    rollouts_after: np.ndarray | int,
) -> np.ndarray:
    """Probability that a token is flagged although the potential did not change.

    Given the sum of its two counts, which says nothing on their difference, the first is
    hypergeometric whatever the potential is.

    Args:
        test: the rule.
        sums: successes before and after the token, added up.
        rollouts: drawn before the token.
        rollouts_after: drawn after it.
    """
    # There are far fewer pairs of counts than tokens.
    table = np.column_stack(np.broadcast_arrays(rollouts, rollouts_after, sums))
    unique, places = np.unique(table, axis=0, return_inverse=True)
    probability = np.empty(len(unique))
    for n in np.unique(unique[:, 0]):
        rows = np.flatnonzero(unique[:, 0] == n)
        for part in np.array_split(rows, 1 + len(rows) * n // 1_000_000):  # bounds the memory
            probability[part] = _flagged(test, int(n), *unique[part, 1:].T)
    return probability[places]


def _flagged(test: CliffTest, n: int, more: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Probability of a flag for sums of a count of ``n`` and one of ``more`` rollouts."""
    before, more, sums = np.arange(n + 1)[None, :], more[:, None], sums[:, None]
    after = sums - before
    drop = np.where(more == n, (before - after) / n, before / n - after / more)
    # Outside the support, where after is no count, the error may be that of no count at all.
    with np.errstate(invalid="ignore"):
        flags = test.flags(drop, unpooled_error(before, after, n, more))
    flags &= (after >= 0) & (after <= more)
    probability = np.zeros(flags.shape)
    before, more, sums = (
        np.broadcast_to(grid, flags.shape)[flags] for grid in (before, more, sums)
    )
    probability[flags] = scipy.stats.hypergeom.pmf(before, n + more, sums, n)
    return probability.sum(axis=1)
