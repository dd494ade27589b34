"""What Figures 2 and 3 share: how common cliffs are on correct and on incorrect traces."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import OUTCOMES, POOLED, cells, problems_of
from cliff_tokens.statistics import Intervals, bootstrap

_NARROW = 3  # models up to which the data sets fit beside the pooled panel
OFFSETS = {"correct": -0.17, "incorrect": 0.17}


def count_cliffs(traces: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """One row a trace, with the number of its cliffs, its length, outcome and cluster."""
    counts = cliffs["trace_id"].value_counts()
    unknown = counts.index.difference(traces["trace_id"])
    if len(unknown):
        raise ValueError(f"{unknown[0]}: has cliffs but is not among the traces")
    return pd.DataFrame(
        {
            "model": traces["model"],
            "dataset": traces["dataset"],
            "cluster": problems_of(traces),
            "verdict": traces["verdict"],
            "finish": traces["finish"],
            "outcome": np.where(traces["verdict"].eq("correct"), *OUTCOMES),
            "tokens": traces["token_ids"].map(len).astype("int64"),
            "cliffs": traces["trace_id"].map(counts).fillna(0).astype("int64"),
        }
    )


def by_outcome(
    counted: pd.DataFrame,
    models: Sequence[str],
    datasets: Sequence[str],
    rate: Callable[[pd.DataFrame], dict],
) -> pd.DataFrame:
    """A rate of the counted traces by model, data set and outcome.

    The paper pools the data sets: its cells are those with data set "all".
    """
    axes = {"model": models, "dataset": datasets, "outcome": OUTCOMES}
    return pd.DataFrame(
        {**labels, "n": len(cell), "problems": cell["cluster"].nunique(), **rate(cell)}
        for labels, cell in cells(counted, pooled=["dataset"], **axes)
    )


def add_difference(
    values: pd.DataFrame, counted: pd.DataFrame, quantity: pd.Series, intervals: Intervals
) -> pd.DataFrame:
    """The rows of ``by_outcome`` with ``difference``: the mean of incorrect less correct traces.

    Problems are resampled with their traces of both outcomes, so that there is an interval where
    one side has no spread, as when no correct trace holds a cliff.

    Args:
        values: rows of ``by_outcome``.
        counted: the traces that they are of.
        quantity: what is averaged, a number for each trace.
        intervals: how intervals are made.
    """

    def difference(sums: np.ndarray) -> np.ndarray:
        return sums[..., 0] / sums[..., 1] - sums[..., 2] / sums[..., 3]

    failed = counted["outcome"].eq("incorrect")
    sides = {"a": quantity * failed, "b": failed, "c": quantity * ~failed, "d": ~failed}
    axes = {
        name: [label for label in pd.unique(values[name]) if label != POOLED]
        for name in ("model", "dataset")
    }
    rows = []
    for labels, cell in cells(counted.assign(**sides), pooled=["dataset"], **axes):
        table = cell[list(sides)].to_numpy(dtype=float)
        # The outcome with fewer problems limits what is known.
        rarer = min(cell["b"], cell["d"], key=lambda side: cell["cluster"][side].nunique())
        low, high = bootstrap(
            difference, table, cell["cluster"], intervals, counted=rarer.to_numpy()
        )
        with np.errstate(invalid="ignore"):
            mean = difference(table.sum(axis=0))
        rows.append(labels | {"difference": mean, "difference_low": low, "difference_high": high})
    return values.merge(pd.DataFrame(rows), on=list(axes), how="left", validate="m:1")


def dataset_panels(
    values: pd.DataFrame, label: str
) -> tuple[Figure, list[tuple[Axes, pd.DataFrame]]]:
    """A panel that pools the data sets and, with several, one for each; beside each its rows."""
    models = pd.unique(values["model"])
    datasets = [name for name in pd.unique(values["dataset"]) if name != POOLED]
    panels = [POOLED, *datasets] if len(datasets) > 1 else [POOLED]
    if len(models) <= _NARROW:
        rows, columns = 1, len(panels)
        width = style.COLUMN if columns == 1 else style.PAGE
        figure = style.figure(2.5, width)
    else:
        rows, columns = len(panels), 1
        figure = style.figure(0.55 + 1.6 * rows, style.PAGE)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for number, (axes, dataset) in enumerate(zip(grid, panels, strict=True)):
        pooled = "all data sets" if len(datasets) != 1 else datasets[0]
        axes.set_title(pooled if dataset == POOLED else dataset, loc="left", parse_math=False)
        if columns == 1 or number == 0:
            axes.set_ylabel(label)
    inside = [values[values["dataset"].eq(dataset)] for dataset in panels]
    return figure, list(zip(grid, inside, strict=True))


def outcome_handles() -> list:
    """Entries of a legend for the two outcomes of a trace."""
    return [
        style.handle(style.OUTCOME_COLORS[name], style.OUTCOME_MARKERS[name], "", f"{name} traces")
        for name in OUTCOMES
    ]


def mark(axes: Axes, x: float, y: float, outcome: str, n: int) -> None:
    """The marker of an outcome.

    Args:
        axes: to draw in.
        x: place, in data coordinates.
        y: likewise.
        outcome: of the traces; gives color and shape.
        n: what it stands for; hollow where these are few.
    """
    color = style.OUTCOME_COLORS[outcome]
    axes.plot(
        x,
        y,
        style.OUTCOME_MARKERS[outcome],
        color=color,
        markerfacecolor=style.face(color, n),
        markersize=4,
        zorder=3,
        clip_on=False,
    )


def label_models(axes: Axes, labels: Sequence[str]) -> None:
    """An axis with a place for every model, and lines across."""
    axes.set_xticks(range(len(labels)), labels, parse_math=False)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.55, len(labels) - 0.45)
    axes.grid(axis="y")


def draw_rate(values: pd.DataFrame, rate: str, label: str, highest: float | None) -> Figure:
    """Points with intervals; n below. One panel pools, and with several data sets each has one."""
    figure, grid = dataset_panels(values, label)
    shown = np.append(values[rate], values[f"{rate}_high"])
    top = highest or 1.08 * np.nanmax(shown, initial=0) or 1
    for axes, rows in grid:
        _panel(axes, rows, list(pd.unique(values["model"])), rate)
        axes.set_ylim(-0.03 * top, top)
    handles = [*outcome_handles(), style.few("traces")]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame, models: list[str], rate: str) -> None:
    labels = []
    for place, model in enumerate(models):
        counts = []
        for outcome in OUTCOMES:
            cell = cells[cells["model"].eq(model) & cells["outcome"].eq(outcome)].iloc[0]
            color, x = style.OUTCOME_COLORS[outcome], place + OFFSETS[outcome]
            counts.append(str(cell["n"]))
            if not cell["n"]:
                style.say_none(axes, x, "none")
                continue
            style.interval(axes, x, cell[f"{rate}_low"], cell[f"{rate}_high"], color)
            mark(axes, x, cell[rate], outcome, cell["n"])
        labels.append(f"n = {' | '.join(counts)}\n{style.wrap(model, 14)}")
    label_models(axes, labels)
    axes.yaxis.set_major_locator(MaxNLocator(4))
