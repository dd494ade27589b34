"""Figure 3: mean number of cliffs in a trace, on correct and on incorrect traces."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.prevalence import draw_rate, prevalence
from cliff_tokens.statistics import Intervals


def values(
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``prevalence``, with the columns that this figure shows.

    Args:
        traces: rows of the table.
        cliffs: of one estimator.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        datasets: likewise.
    """
    frame = prevalence(traces, cliffs, intervals, models, datasets)
    return frame.drop(columns=[name for name in frame if "with_cliff" in name])


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Mean cliffs by model and outcome."""
    return draw_rate(values, "cliffs_per_trace", "mean cliffs per trace", None)
