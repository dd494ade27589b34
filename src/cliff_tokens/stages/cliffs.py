"""Cliff tokens: positions where the potential falls further than its estimate's noise explains.

A token's drop is the potential before it minus the potential after it, and a cliff at ``t`` blames
token ``t``. The rule is in ``cliff_test``.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import kinds


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
    found["kind"] = kinds(found["entropy"], found["rank"], certain)
    found["outcome"] = np.where(found["verdict"] == "correct", "correct", "incorrect")
    return found[
        [
            "cliff_id", "trace_id", "model", "dataset", "problem_id", "t", "ordinal", "token_id",
            "token", "before", "after", "drop_se", "entropy", "rank",
            "sampler_probability", "kind", "outcome",
        ]
    ]  # fmt: skip
