"""Figure 3: mean number of cliffs in a trace, on correct and on incorrect traces."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import mean_columns
from cliff_tokens.exhibits.prevalence import add_difference, by_outcome, count_cliffs, draw_rate
from cliff_tokens.statistics import COUNT, Intervals


def values(
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """A row for every model, data set and outcome, with the difference of the two outcomes.

    Args:
        traces: rows of the table.
        cliffs: of one estimator.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        datasets: likewise.
    """

    def mean(cell: pd.DataFrame) -> dict:
        columns = mean_columns(
            "cliffs_per_trace", cell["cliffs"], cell["cluster"], intervals, limits=COUNT
        )
        return {"cliffs": int(cell["cliffs"].sum()), **columns}

    counted = count_cliffs(traces, cliffs)
    rates = by_outcome(counted, models, datasets, mean)
    return add_difference(rates, counted, counted["cliffs"], intervals)


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Mean cliffs by model and outcome."""
    return draw_rate(values, "cliffs_per_trace", "mean cliffs per trace", None)
