"""pass@k by cut point, as published and fair, at 1 and at the largest k."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cut_point_rates import compare_methods, extremes
from cliff_tokens.statistics import Intervals


def values(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``compare_methods``, which says what its arguments are, with the extremes of k."""
    return compare_methods(cut_points, estimates, traces, intervals, extremes(cut_points), models)
