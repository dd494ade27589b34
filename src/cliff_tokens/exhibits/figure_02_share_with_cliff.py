"""Figure 2: share of traces with at least one cliff, on correct and on incorrect traces."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import share_columns
from cliff_tokens.exhibits.prevalence import add_difference, by_outcome, count_cliffs, draw_rate
from cliff_tokens.statistics import Intervals


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

    def share(cell: pd.DataFrame) -> dict:
        cliff = cell["cliffs"] > 0
        columns = share_columns("share_with_cliff", cliff, cell["cluster"], intervals)
        return {"with_cliff": int(cliff.sum()), **columns}

    counted = count_cliffs(traces, cliffs)
    rates = by_outcome(counted, models, datasets, share)
    return add_difference(rates, counted, counted["cliffs"].gt(0), intervals)


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Share of traces by model and outcome."""
    return draw_rate(values, "share_with_cliff", "share of traces\nwith a cliff", 1.03)
