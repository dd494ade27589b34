"""Share of greedy (rank 1) tokens among cliffs and among all tokens, per model and pooled."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.baseline import against_baseline
from cliff_tokens.statistics import Intervals


def values(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model.

    Args:
        tokens: every token of the traces, the baseline.
        cliffs: the tokens among them that are cliffs.
        traces: who wrote the tokens, to which problem.
        intervals: how intervals are made.
        models: in the order of the rows.
    """
    return against_baseline(tokens, cliffs, traces, intervals, models, rank=[1]).drop(
        columns="rank"
    )
