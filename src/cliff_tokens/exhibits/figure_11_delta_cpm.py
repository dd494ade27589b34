"""Figure 11: change of the cliff mass from source to evaluator, by kind and direction.

Below it, what the paper does not show: the change in the probability of the cliff token itself,
beside that of its control, which carries the same regression toward the mean.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.stages import agreement

VIOLIN = 10  # values below which a density would be drawn from too few
_COLUMNS = 4
MASS, TOKEN = ("mass",), ("token", "control")


def values(scored: pd.DataFrame, cliffs: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``agreement.changes``."""
    return agreement.changes(scored, cliffs, members)


@style.styled
def draw(values: pd.DataFrame, pairs: Sequence[Sequence[str]]) -> Figure:
    """A column for each ordered pair: cliff mass above, the token and its control below."""
    pairs = side_by_side(pairs)
    blocks, columns = style.grid_shape(max(1, len(pairs)), _COLUMNS)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.4 * columns))
    figure = style.figure(0.6 + 3.6 * blocks, width)
    grid = figure.subplots(2 * blocks, columns, squeeze=False, sharey="row")
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (source, evaluator) in enumerate(pairs):
        row, column = 2 * (place // columns), place % columns
        cells = values[values["source"].eq(source) & values["evaluator"].eq(evaluator)]
        for axes, measures in ((grid[row, column], MASS), (grid[row + 1, column], TOKEN)):
            axes.set_axis_on()
            panel(axes, cells, measures)
        grid[row, column].set_title(title(source, evaluator), parse_math=False)
    for upper, lower in zip(grid[::2, 0], grid[1::2, 0], strict=True):
        upper.set_ylabel("change of the cliff mass")
        lower.set_ylabel("change of the token's\nprobability")
    if not pairs:
        style.say_empty(grid[0, 0], "no pair of models is compared")
    control = style.handle(style.TOKEN_COLORS["control"], "o", "", "control")
    entries = [*kind_handles(values), control, style.handle(style.INK, "", "-", "median")]
    columns = len(entries) if width > 4 else 3
    figure.legend(handles=entries, loc="outside upper center", ncols=columns)
    figure.supxlabel("n, below: cliffs | controls", fontsize=7)
    return figure


def side_by_side(pairs: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Pairs with the two directions of the same models together, in order of first appearance."""
    families: dict[frozenset, list] = {}
    for source, evaluator in pairs:
        families.setdefault(frozenset((source, evaluator)), []).append((source, evaluator))
    return [pair for family in families.values() for pair in family]


def title(source: str, evaluator: str) -> str:
    """Whose cliffs, and who is asked."""
    return f"{style.wrap(source, 22)} →\n{style.wrap(evaluator, 22)}"


def kind_handles(values: pd.DataFrame) -> list:
    """Entries of a legend for the kinds that ``panel`` draws."""
    return [
        style.handle(style.KIND_COLORS[kind], style.KIND_MARKERS[kind], "", style.word(kind))
        for kind in style.shown_kinds(values["kind"])
    ]


def panel(axes: Axes, cells: pd.DataFrame, measures: Sequence[str]) -> None:
    """The changes of one ordered pair: a place for each kind, and inside it for each measure."""
    axes.axhline(0, color=style.FAINT, linewidth=0.6, zorder=1)
    kinds = style.shown_kinds(cells["kind"])
    half = 0.42 / len(measures)
    labels = []
    for place, kind in enumerate(kinds):
        counts = []
        for number, measure in enumerate(measures):
            cell = cells[cells["kind"].eq(kind) & cells["measure"].eq(measure)]
            counts.append(str(len(cell)))
            color = style.KIND_COLORS[kind]
            if measure == "control":
                color = style.TOKEN_COLORS["control"]
            marker = "o" if measure == "control" else style.KIND_MARKERS[kind]
            x = place + (2 * number + 1 - len(measures)) * half
            _strip(axes, cell, x, 0.85 * half, color, marker)
        labels.append(" | ".join(counts))
    axes.set_xticks(range(len(kinds)), labels)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    axes.grid(axis="y")
    if cells.empty:
        style.say_empty(axes, "no cliffs")


def _strip(axes: Axes, cell: pd.DataFrame, x: float, half: float, color: str, marker: str) -> None:
    if cell.empty:
        return
    found = np.sort(cell["value"].to_numpy())
    if len(found) >= VIOLIN:
        at = np.linspace(found[0], found[-1], 101)
        height = statistics.density(found, at)
        if np.isfinite(height).all():
            reach = half * height / height.max()
            axes.fill_betweenx(at, x - reach, x + reach, color=color, alpha=0.2, linewidth=0)
    axes.plot(
        x + half * style.apart(len(found)),
        found,
        marker,
        color=color,
        markersize=2.8,
        markeredgewidth=0.7,
        markerfacecolor=style.face(color, len(found)),
        zorder=3,
    )
    median = cell["median"].iloc[0]
    axes.plot([x - half, x + half], [median, median], color=style.INK, linewidth=1.0, zorder=2)
