"""Accuracy before and after training on each set of pairs."""

from collections.abc import Mapping, Sequence

import pandas as pd

from cliff_tokens.exhibits.gains import accuracy_gains
from cliff_tokens.statistics import Intervals


def values(
    evaluation: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    domains: Mapping[str, str],
) -> pd.DataFrame:
    """Rows of ``accuracy_gains``, which says what its arguments are."""
    return accuracy_gains(evaluation, adapters, intervals, models, variants, domains)
