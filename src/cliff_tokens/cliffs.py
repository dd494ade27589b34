"""Cliff tokens: positions where the potential falls further than rollout noise explains.

Position ``t`` counts tokens: ``successes[0]`` belongs to the bare prompt and ``successes[t]`` to
the prefix that ends with token ``t``. A trace of ``T`` tokens carries ``T+1`` counts, of which
the last is known without rollouts (the trace's own verdict), and a cliff at ``t`` blames token
``t``. The rule is that of the paper, Section 3: a one-sided test of "the drop is at most the
margin", with the unpooled standard error and strict inequalities.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cliff_tokens import taxonomy


@dataclass(frozen=True)
class CliffTest:
    """One-sided two-proportion z-test of a drop in potential (paper, Section 3).

    ``margin`` is the drop that the null hypothesis still allows; ``z`` is the one-sided critical
    value. The standard error is unpooled: a prefix that never fails, or always, has none.
    """

    margin: float = 0.1
    z: float = 1.645

    def threshold(
        self, before: np.ndarray, after: np.ndarray, rollouts: np.ndarray | int
    ) -> np.ndarray:
        """The drop that is not yet a cliff, from successes before and after the token."""
        p, q = before / rollouts, after / rollouts
        return self.margin + self.z * np.sqrt((p * (1 - p) + q * (1 - q)) / rollouts)

    def flags(
        self, before: np.ndarray, after: np.ndarray, rollouts: np.ndarray | int
    ) -> np.ndarray:
        """Which tokens are cliffs; arrays of successes of one shape -> bool of that shape."""
        drop = (before - after) / rollouts
        return drop > self.threshold(before, after, rollouts)


@dataclass(frozen=True)
class FixedThreshold:
    """The comparison rule: any drop of at least ``drop``, whatever its noise."""

    drop: float

    def flags(
        self, before: np.ndarray, after: np.ndarray, rollouts: np.ndarray | int
    ) -> np.ndarray:
        """Which tokens drop by the threshold or more."""
        # Compared in counts: 0.3 * 10 is not 3 in binary floating point.
        return before - after >= np.ceil(self.drop * rollouts - 1e-9)


def boundary(test: CliffTest, rollouts: int) -> pd.DataFrame:
    """For every count before a token, the largest count after it that is still a cliff.

    Columns ``successes_before`` (0 .. rollouts) and ``successes_after`` (null where no drop from
    that count is a cliff).
    """
    counts = np.arange(rollouts + 1)
    cliff = test.flags(counts[:, None], counts[None, :], rollouts)
    largest = np.where(cliff.any(axis=1), rollouts - cliff[:, ::-1].argmax(axis=1), -1)
    after = pd.array(largest, dtype="Int64")
    after[largest < 0] = pd.NA
    return pd.DataFrame({"successes_before": counts, "successes_after": after})


def steps(potential: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    """Counts before and after every token: the tests that the rule makes.

    ``potential`` holds t = 0 .. T-1; the count after the last token is the trace's verdict. One
    row per token: trace_id, t, successes_before, successes_after, rollouts. A missing prefix or
    a trace without potential is an error, never a zero.
    """
    lengths = traces.set_index("trace_id")["token_ids"].map(len)
    potential = potential.sort_values(["trace_id", "t"], ignore_index=True)
    measured = potential.groupby("trace_id")["t"].agg(["size", "max"])
    for trace_id, length in lengths.items():
        found = measured.loc[trace_id].tolist() if trace_id in measured.index else [0, None]
        if found != [length, length - 1]:
            raise ValueError(
                f"{trace_id}: expected the potential of prefixes 0 .. {length - 1}, "
                f"found {found[0]} prefixes up to {found[1]}"
            )
    unknown = set(measured.index) - set(lengths.index)
    if unknown:
        raise ValueError(f"{min(unknown)}: has a potential but no trace")
    correct = traces.set_index("trace_id")["verdict"].eq("correct")
    before, rollouts = potential["successes"].to_numpy(), potential["rollouts"].to_numpy()
    after = np.append(before[1:], 0)
    last = potential["t"].to_numpy() + 1 == potential["trace_id"].map(lengths).to_numpy()
    after = np.where(last, rollouts * potential["trace_id"].map(correct).to_numpy(), after)
    return pd.DataFrame(
        {
            "trace_id": potential["trace_id"],
            "t": potential["t"] + 1,
            "successes_before": before,
            "successes_after": after,
            "rollouts": rollouts,
        }
    )


def detect(
    potential: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    test: CliffTest,
    certain: float,
) -> pd.DataFrame:
    """Every cliff token with its kind and its trace's outcome: rows of the ``cliffs`` table."""
    tested = steps(potential, traces)
    flagged = test.flags(tested["successes_before"], tested["successes_after"], tested["rollouts"])
    found = tested[flagged].merge(tokens, on=["trace_id", "t"], how="left", validate="1:1")
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
            "token", "successes_before", "successes_after", "rollouts", "entropy", "rank",
            "sampler_probability", "kind", "outcome",
        ]
    ]  # fmt: skip
