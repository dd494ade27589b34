"""Entropy (low, high) by greedy (yes, no): cliffs against all tokens, per model and pooled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.baseline import against_baseline
from cliff_tokens.stages.taxonomy import entropy_threshold
from cliff_tokens.statistics import Intervals

AXES = {"entropy": ("low", "high"), "greedy": ("yes", "no")}


def values(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    traces: pd.DataFrame,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model, entropy and answer to "is it greedy?".

    Args:
        tokens: every token of the traces, the baseline.
        cliffs: the tokens among them that are cliffs.
        traces: who wrote the tokens, to which problem.
        certain: probability whose binary entropy is the highest that is called low.
        intervals: how intervals are made.
        models: in the order of the rows.
    """
    limit = entropy_threshold(certain)
    tokens, cliffs = (
        frame.assign(
            entropy=np.where(frame["entropy"] <= limit, *AXES["entropy"]),
            greedy=np.where(frame["rank"] == 1, *AXES["greedy"]),
        )
        for frame in (tokens, cliffs)
    )
    return against_baseline(tokens, cliffs, traces, intervals, models, **AXES)
