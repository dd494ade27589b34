"""The probability of cliff tokens that nothing was trained on, before and after each training."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.probability_shift import shifts_by_kind
from cliff_tokens.statistics import Intervals


def values(
    shifts: pd.DataFrame, intervals: Intervals, models: Sequence[str], variants: Sequence[str]
) -> pd.DataFrame:
    """Rows of ``shifts_by_kind``, which says what its arguments are."""
    return shifts_by_kind(shifts, intervals, models, variants)
