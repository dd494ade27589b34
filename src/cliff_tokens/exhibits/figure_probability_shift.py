"""How far each training moves cliff tokens that it did not see, and those preferred to them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.probability_shift import shifts_by_kind
from cliff_tokens.statistics import Intervals

# Training pushes the cliff token down and the preferred one up.
_MARKS = {
    "shift": ("v", -0.17, "the cliff token"),
    "chosen_shift": ("^", 0.17, "tokens preferred to it"),
}
_LEAST = 0.1  # nats: no axis is narrower, where next to nothing would look like something


def values(
    shifts: pd.DataFrame, intervals: Intervals, models: Sequence[str], variants: Sequence[str]
) -> pd.DataFrame:
    """Rows of ``shifts_by_kind``, which says what its arguments are."""
    return shifts_by_kind(shifts, intervals, models, variants)


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Rows of panels are models, columns kinds that some cliff is of, and all."""
    models, variants = (list(pd.unique(values[name])) for name in ("model", "variant"))
    found = values.loc[values["n"].gt(0), "kind"]
    kinds = [kind for kind in pd.unique(values["kind"]) if kind == "all" or found.eq(kind).any()]
    figure = style.figure(0.75 + len(models) * (0.35 + 0.22 * len(variants)))
    grid = figure.subplots(len(models), len(kinds), sharex=True, sharey=True, squeeze=False)
    for row, model in zip(grid, models, strict=True):
        for axes, kind in zip(row, kinds, strict=True):
            cell = values[values["model"].eq(model) & values["kind"].eq(kind)]
            _panel(axes, cell, variants)
            name = "all cliffs" if kind == "all" else style.word(kind)
            title = f"{name}, n = {cell['n'].max()}"
            if len(models) > 1:
                title = f"{style.wrap(model, 18)}\n{title}"
            axes.set_title(title, parse_math=False)
    low, high = grid[0, 0].get_xlim()
    grid[0, 0].set_xlim(min(low, -_LEAST), max(high, _LEAST))
    grid[0, 0].set_ylim(len(variants) - 0.4, -0.6)
    figure.supxlabel("change of log-probability by training (nats)", fontsize=7)
    handles = [style.handle(style.INK, mark, "", name) for mark, _, name in _MARKS.values()]
    handles.append(style.few("cliffs"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, variants: Sequence[str]) -> None:
    axes.axvline(0, color=style.INK, linewidth=0.6, zorder=1)
    for place, variant in enumerate(variants):
        row = cell[cell["variant"].eq(variant)].iloc[0]
        color = style.VARIANT_COLORS[variant]
        if not row["n"]:
            reason = "no cliffs" if row["seeds"] else "no pairs"
            axes.annotate(
                reason, (0, place), (3, 0), textcoords="offset points", va="center",
                color=style.FAINT, fontsize=6,
            )  # fmt: skip
            continue
        for name, (mark, offset, _) in _MARKS.items():
            ends = [row[f"{name}_low"], row[f"{name}_high"]]
            if np.isfinite(ends).all():
                axes.plot(ends, [place + offset] * 2, color=color, linewidth=1.1)
            axes.plot(
                row[name], place + offset, mark, color=color,
                markerfacecolor=style.face(color, row["n"]), markersize=4, zorder=3,
            )  # fmt: skip
    axes.set_yticks(range(len(variants)), [style.word(name) for name in variants])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="x")
