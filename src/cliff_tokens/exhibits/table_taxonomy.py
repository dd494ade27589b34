"""The kinds among cliff tokens against the kinds among all tokens, per model and pooled."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.baseline import against_baseline
from cliff_tokens.stages.taxonomy import KINDS, kinds
from cliff_tokens.statistics import Intervals


def values(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    traces: pd.DataFrame,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and kind; ``ratio`` is the share among cliffs over that among tokens.

    Args:
        tokens: every token of the traces, the baseline.
        cliffs: the tokens among them that are cliffs.
        traces: who wrote the tokens, to which problem.
        certain: probability whose binary entropy divides the kinds.
        intervals: how intervals are made.
        models: in the order of the rows.
    """
    tokens = tokens.assign(kind=kinds(tokens["entropy"], tokens["rank"], certain))
    return against_baseline(tokens, cliffs, traces, intervals, models, kind=KINDS)
