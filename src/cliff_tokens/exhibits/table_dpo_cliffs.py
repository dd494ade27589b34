"""Cliffs before and after training on each set of pairs."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cliff_changes import cliff_changes
from cliff_tokens.statistics import Intervals


def values(
    recounts: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``cliff_changes``, which says what its arguments are."""
    return cliff_changes(recounts, adapters, intervals, models, variants, datasets)
