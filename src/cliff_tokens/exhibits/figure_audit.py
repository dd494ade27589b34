"""Drops of the published rule's cliffs against 1 - q_t, which no true drop can exceed."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.stages.arms import IMPOSSIBLE, say
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import KINDS

FORBIDDEN = "#F2F2F2"


def values(audit: pd.DataFrame) -> pd.DataFrame:
    """The rows of the audit, with what this figure shows of them."""
    columns = [
        "cliff_id", "model", "kind", "bound", "p_exact", "q_fdr", "selected_drop", "fresh_drop",
        "confirmed",
    ]  # fmt: skip
    words = audit.assign(confirmed=say(audit["possible"], audit["confirmed"]))
    return words[columns].sort_values("cliff_id", ignore_index=True)


def draw(values: pd.DataFrame, models: Sequence[str], test: CliffTest) -> Figure:
    """A panel for each model: the drop that selected a cliff, and that of fresh rollouts."""
    return draw_panels(values, models, test, "fresh rollouts")


@style.styled
def draw_panels(values: pd.DataFrame, models: Sequence[str], test: CliffTest, fresh: str) -> Figure:
    """A panel for each model; ``fresh`` is what the counts that did not select are called."""
    rows, columns = style.grid_shape(len(models), 4)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.6 * columns))
    figure = style.figure(0.75 + rows * width / columns * 0.92, width)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_axis_off()
    for axes, model in zip(grid.flat, models, strict=False):
        cell = values[values["model"].eq(model)]
        _panel(axes, cell, test.margin)
        impossible = int(cell["confirmed"].eq(IMPOSSIBLE).sum())
        counted = f"n = {len(cell)}, impossible {impossible}"
        axes.set_title(f"{style.wrap(model, 18)}\n{counted}", fontsize=7, parse_math=False)
    figure.supxlabel("1 - q, chance that the sampler leaves the trace", fontsize=7)
    figure.supylabel("drop in potential", fontsize=7)
    handles = [
        style.handle(style.KIND_COLORS[kind], style.KIND_MARKERS[kind], "", style.word(kind))
        for kind in KINDS
    ]
    handles += [style.unconfirmed(), style.handle(style.INK, "_", "", fresh)]
    figure.legend(handles=handles, loc="outside upper center", ncols=6 if width > 4 else 3)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, margin: float) -> None:
    axes.fill_between([0, 1], [0, 1], [1, 1], color=FORBIDDEN, linewidth=0, zorder=0)
    axes.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.6, zorder=1)
    axes.axhline(margin, color=style.INK, linestyle=(0, (4, 2)), linewidth=0.6, zorder=1)
    low = min(0.0, cell["fresh_drop"].fillna(0).min()) if len(cell) else 0.0
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.set(xlim=(-0.02, 1.02), ylim=(low - 0.04, 1.02))
    axes.text(0.03, 0.95, "more than q allows", color=style.FAINT, va="top", fontsize=6.5)
    if cell.empty:
        style.say_empty(axes, "no cliffs")
        return
    for kind in KINDS:
        part = cell[cell["kind"].eq(kind)]
        color, marker = style.KIND_COLORS[kind], style.KIND_MARKERS[kind]
        bound = part["bound"]
        axes.vlines(
            bound, part["selected_drop"], part["fresh_drop"], color=color, linewidth=0.4, alpha=0.6
        )
        axes.plot(bound, part["fresh_drop"], "_", color=color, markersize=4, markeredgewidth=0.9)
        style.cliff_marks(axes, bound, part["selected_drop"], part, color, marker, markersize=2.8)
