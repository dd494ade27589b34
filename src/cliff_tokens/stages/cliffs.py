"""Cliff tokens: positions where the potential falls further than its estimate's noise explains.

A token's drop is the potential before it minus the potential after it, and a cliff at ``t`` blames
token ``t``. The rule is that of ``cliff_test.py``; which estimator the potential is from is not
known here.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import KINDS, kinds
from cliff_tokens.tables import PLACE, require


def detect(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    test: CliffTest,
    certain: float,
    kept: Sequence[str] = KINDS,
) -> pd.DataFrame:
    """Every cliff token with its kind and its trace's outcome: rows of the ``cliffs`` table.

    Args:
        estimates: of one estimator.
        traces: rows of the table.
        tokens: rows of the table.
        test: the rule.
        certain: probability of the greedy token above which entropy is low (``taxonomy``).
        kept: kinds that the catalogue holds; cliffs of others are left out.
    """
    drop = estimates["before"] - estimates["after"]
    flagged = estimates[test.flags(drop, estimates["drop_se"])]
    cliffs = flagged.merge(tokens, on=PLACE, how="left", validate="1:1")
    scored = cliffs["token_id"].notna()
    require(cliffs, scored, "{trace_id}: no score of the cliff at {t}; score the traces again")
    columns = ["trace_id", "model", "dataset", "problem_id", "verdict"]
    cliffs = cliffs.merge(traces[columns], on="trace_id")
    cliffs["cliff_id"] = cliffs["trace_id"] + "@" + cliffs["t"].astype(str)
    cliffs["ordinal"] = cliffs.groupby("trace_id")["t"].rank().astype("int16")
    cliffs["kind"] = kinds(cliffs["entropy"], cliffs["rank"], certain)
    cliffs["outcome"] = np.where(cliffs["verdict"] == "correct", "correct", "incorrect")
    cliffs = cliffs[cliffs["kind"].isin(list(kept))]
    return cliffs[
        [
            "cliff_id", "trace_id", "model", "dataset", "problem_id", "t", "ordinal", "token_id",
            "token", "before", "after", "drop_se", "entropy", "rank",
            "sampler_probability", "kind", "outcome",
        ]
    ]  # fmt: skip
