"""Cliff tokens: positions where the potential falls further than its estimate's noise explains.

A token's drop is the potential before it minus the potential after it, and a cliff at ``t`` blames
token ``t``. The rule is that of the paper, Section 3: a one-sided test of "the drop is at most
the margin", with strict inequalities. It takes a drop and its standard error, so it serves every
estimator; with independent rollouts the error is the paper's unpooled one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cliff_tokens import taxonomy
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


def detect(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    test: CliffTest,
    certain: float,
) -> pd.DataFrame:
    """Every cliff token with its kind and its trace's outcome: rows of the ``cliffs`` table."""
    drop = estimates["before"] - estimates["after"]
    flagged = estimates[test.flags(drop, estimates["drop_se"])]
    found = flagged.merge(tokens, on=["trace_id", "t"], how="left", validate="1:1")
    if found["token_id"].isna().any():
        missing = found.loc[found["token_id"].isna(), ["trace_id", "t"]].iloc[0].to_dict()
        raise ValueError(f"tokens: no score for the cliff at {missing}; score the traces again")
    columns = ["trace_id", "model", "dataset", "problem_id", "verdict"]
    found = found.merge(traces[columns], on="trace_id")
    found["cliff_id"] = found["trace_id"] + "@" + found["t"].astype(str)
    found["ordinal"] = found.groupby("trace_id")["t"].rank().astype("int16")
    found["kind"] = taxonomy.kinds(found["entropy"], found["rank"], certain)
    found["outcome"] = np.where(found["verdict"] == "correct", "correct", "incorrect")
    return found[
        [
            "cliff_id", "trace_id", "model", "dataset", "problem_id", "t", "ordinal", "token_id",
            "token", "before", "after", "drop_se", "entropy", "rank",
            "sampler_probability", "kind", "outcome",
        ]
    ]  # fmt: skip
