"""Cells of the paper's tables and figures: labels, the rows inside, and estimates as columns.

A row of an exhibit is one cell and carries ``n``, the number of things its rates are about; a rate
``x`` has its interval beside it as ``x_low`` and ``x_high``. A cell without data keeps its row,
with n = 0 and NaN rates: not measured is not zero. Models and data sets stand in the order that is
passed; the label "all" pools.

The unit of resampling is the problem. Shares have Wilson intervals at the effective number of
rows (``statistics.share_interval``), means and ratios a bootstrap over problems, widened where
these are few (``statistics.bootstrap``).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.statistics import Intervals
from cliff_tokens.tables import require

POOLED = "all"
OUTCOMES = ("correct", "incorrect")


def cells(
    frame: pd.DataFrame, pooled: Sequence[str] = (), **axes: Sequence
) -> Iterator[tuple[dict, pd.DataFrame]]:
    """Every combination of the axes' values, as (labels, rows of ``frame``), last axis fastest.

    An axis that is named in ``pooled`` ends with the label "all": the rows of the values that are
    listed, taken together.
    """
    if not axes:
        yield {}, frame
        return
    (name, values), *rest = axes.items()
    masks = {value: frame[name].eq(value) for value in values}
    if name in pooled:
        masks[POOLED] = frame[name].isin(list(values))
    for value, inside in masks.items():
        for labels, rows in cells(frame[inside], pooled, **dict(rest)):
            yield {name: value, **labels}, rows


def share_columns(name: str, flags: pd.Series, clusters: pd.Series, intervals: Intervals) -> dict:
    """The share of rows that are flagged, with its interval."""
    low, high = statistics.share_interval(flags, clusters, intervals.confidence)
    share = float(flags.mean()) if len(flags) else np.nan
    return {name: share, f"{name}_low": low, f"{name}_high": high}


def problems_of(rows: pd.DataFrame) -> pd.Series:
    """The problem of each row by its full name: the cluster of every interval."""
    return rows["dataset"] + "/" + rows["problem_id"]


def mean_columns(
    name: str,
    values: pd.Series,
    clusters: pd.Series,
    intervals: Intervals,
    weights: pd.Series | None = None,
    limits: tuple[float, float] = statistics.ANY,
) -> dict:
    """The mean of the values, or the ratio of their sum to that of the weights, with its interval.

    Args:
        name: column of the estimate.
        values: one number a row.
        clusters: the problem of each row.
        intervals: how the interval is made.
        weights: null takes the number of rows.
        limits: where the estimate can lie.
    """
    low, high = statistics.cluster_bootstrap(values, clusters, intervals, weights, limits)
    total = len(values) if weights is None else weights.sum()
    mean = float(values.sum() / total) if total else np.nan
    return {name: mean, f"{name}_low": float(low), f"{name}_high": float(high)}


def median_columns(
    name: str,
    values: pd.Series,
    clusters: pd.Series,
    intervals: Intervals,
    limits: tuple[float, float] = statistics.ANY,
) -> dict:
    """The median of the values, with its interval; the arguments are those of ``mean_columns``."""
    low, high = statistics.median_interval(values, clusters, intervals, limits)
    return {name: float(values.median()), f"{name}_low": low, f"{name}_high": high}


def owned(frame: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    """The frame with the model, data set and problem of each row's trace.

    Columns ``model``, ``dataset``, ``problem_id`` and ``cluster``, the problem by its full name,
    which models share: what is hard for one is hard for others. Row order is kept.
    """
    owners = traces[["trace_id", "model", "dataset", "problem_id"]]
    rows = frame.drop(columns=["model", "dataset", "problem_id"], errors="ignore").merge(
        owners, on="trace_id", how="left", validate="m:1"
    )
    known = rows["model"].notna()
    require(rows, known, "{trace_id}: is not among the traces; run the stage that made it again")
    return rows.assign(cluster=problems_of(rows))
