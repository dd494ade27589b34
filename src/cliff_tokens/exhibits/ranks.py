"""Figures 12 to 14: rank of the cliff token in the source and in the evaluator, for one kind.

The controls stand below the cliffs: tokens that are no cliffs and that the source finds as
probable, so that what the two panels share is no property of cliffs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.transfer import beside_controls, side_by_side, title

TOP = 20  # ranks beyond are pooled, as in the paper's heat maps
# Bins of the axes by their highest rank; the values beside the figure hold every rank.
_BINS = {1: "1", 2: "2", 3: "3", 4: "4", 5: "5", 10: "≤10", 20: "≤20", TOP + 1: ">20"}
_EDGES = np.array(list(_BINS))
_COLUMNS = 4
_CELL = 0.19  # inches: height of a bin of the source
_GROUPS = {"cliff": "cliffs", "control": "controls"}


def values(
    agreement: pd.DataFrame, cliffs: pd.DataFrame, kind: str, pairs: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """How many tokens of each source rank have each evaluator rank, for one kind of cliff.

    Columns: source, evaluator, group (cliff, control), source_rank, rank, count; rank
    ``TOP`` + 1 stands for all ranks beyond. Only ranks that occur have a row.
    """
    joined = beside_controls(agreement, cliffs)
    joined = joined[joined["kind"] == kind]
    parts = []
    for group, prefix in (("cliff", ""), ("control", "control_")):
        ranks = joined[[f"{prefix}source_rank", f"{prefix}rank"]].dropna().clip(upper=TOP + 1)
        part = joined.loc[ranks.index, ["source", "evaluator"]].assign(group=group)
        parts.append(part.assign(**{"source_rank": ranks.iloc[:, 0], "rank": ranks.iloc[:, 1]}))
    columns = ["source", "evaluator", "group", "source_rank", "rank"]
    rows = pd.concat(parts).astype({"source_rank": int, "rank": int})
    counted = rows.value_counts(columns, sort=False).rename("count").reset_index()
    order = {tuple(pair): place for place, pair in enumerate(pairs)}
    places = [order.get(pair) for pair in zip(counted["source"], counted["evaluator"], strict=True)]
    counted = counted.assign(place=places).dropna(subset="place")
    counted = counted.sort_values(["place", *columns[2:]], ignore_index=True)
    return counted.drop(columns="place")


@style.styled
def draw(values: pd.DataFrame, kind: str, pairs: Sequence[Sequence[str]]) -> Figure:
    """Two models in a row, one direction beside the other; cliffs above, controls below."""
    pairs = side_by_side(pairs)
    blocks, columns = style.grid_shape(max(1, len(pairs)), _COLUMNS)
    bins = _bins(values["source_rank"], 1), _bins(values["rank"], 2)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.4 * columns))
    figure = style.figure(0.4 + blocks * (0.6 + 2 * (0.35 + _CELL * len(bins[0]))), width)
    grid = figure.subplots(2 * blocks, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (source, evaluator) in enumerate(pairs):
        row, column = 2 * (place // columns), place % columns
        cells = values[values["source"].eq(source) & values["evaluator"].eq(evaluator)]
        for axes, group in zip(grid[row : row + 2, column], _GROUPS, strict=True):
            axes.set_axis_on()
            _panel(axes, cells[cells["group"].eq(group)], kind, group, bins)
        above = grid[row, column]
        above.set_title(
            f"{title(source, evaluator)}\n{above.get_title()}", fontsize=6.5, parse_math=False
        )
    if not pairs:
        style.say_empty(grid[0, 0], "no pair of models is compared")
    figure.supxlabel("rank in the evaluator", fontsize=7)
    figure.supylabel("rank in the source", fontsize=7)
    return figure


def _place(ranks: pd.Series) -> np.ndarray:
    return np.searchsorted(_EDGES, ranks)


def _bins(ranks: pd.Series, least: int) -> np.ndarray:
    """The bins from the first that occurs to the last, at least so many."""
    places = _place(ranks) if len(ranks) else np.array([0])
    first = min(places.min(), len(_EDGES) - least)
    return np.arange(first, max(places.max() + 1, first + least))


def _panel(
    axes: Axes, cells: pd.DataFrame, kind: str, group: str, bins: tuple[np.ndarray, np.ndarray]
) -> None:
    rows, columns = bins
    counts = np.zeros((len(rows), len(columns)), dtype=int)
    at = _place(cells["source_rank"]) - rows[0], _place(cells["rank"]) - columns[0]
    np.add.at(counts, at, cells["count"].to_numpy(int))
    color = style.KIND_COLORS[kind] if group == "cliff" else style.TOKEN_COLORS["control"]
    shades = LinearSegmentedColormap.from_list(group, ["#FFFFFF", color])
    most = max(1, counts.max())
    axes.imshow(counts, cmap=shades, vmin=0, vmax=most, aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(counts):
        share = counts[row, column] / most
        dark = share > 0.5 and group == "cliff" and kind == "deterministic"
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=6.5,
            color="white" if dark else style.INK,
        )
    labels = np.array(list(_BINS.values()))
    axes.set_xticks(range(len(columns)), labels[columns])
    axes.set_yticks(range(len(rows)), labels[rows])
    axes.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    first = int(cells.loc[cells["rank"].eq(1), "count"].sum())
    axes.set_title(f"{_GROUPS[group]}: {first} of {counts.sum()} rank first", fontsize=6.5)
    if not counts.any():
        axes.set_title(_GROUPS[group], fontsize=6.5)
        style.say_empty(axes, "none")
