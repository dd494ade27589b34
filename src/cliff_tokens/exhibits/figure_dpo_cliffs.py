"""Cliffs per trace of base and of every trained variant, counted by one protocol."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cliff_changes import cliff_changes
from cliff_tokens.stages.evaluation import BASE
from cliff_tokens.statistics import Intervals

_PANELS = (("per_trace", "cliffs per trace"), ("change", "change from base"))


def values(
    recounts: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``cliff_changes``, with what this figure shows of them.

    Args:
        recounts: rows of the table.
        adapters: what was trained: model, variant, seed and ``weights``, a hash.
        intervals: how intervals are made.
        models: rows of panels, in this order.
        variants: lines of a panel, after base.
        datasets: rows of panels of each model; another follows for all of several.
    """
    frame = cliff_changes(recounts, adapters, intervals, models, variants, datasets)
    columns = ["model", "dataset", "variant", "n", "traces", "cliffs"]
    shown = [f"{name}{end}" for name, _ in _PANELS for end in ("", "_low", "_high")]
    return frame[[*columns, *shown, "p_holm"]]


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Rows of panels are models and data sets: the rate, and its paired change from base."""
    cells = values[["model", "dataset"]].drop_duplicates()
    variants = list(pd.unique(values["variant"]))
    figure = style.figure(0.35 + len(cells) * (0.55 + 0.16 * len(variants)), 5.0)
    grid = figure.subplots(len(cells), 2, sharex="col", sharey=True, squeeze=False)
    for row, cell in zip(grid, cells.itertuples(), strict=True):
        of_cell = values[values["model"].eq(cell.model) & values["dataset"].eq(cell.dataset)]
        n = of_cell.loc[of_cell["variant"].eq(BASE), "traces"].iloc[0]
        for axes, (name, label) in zip(row, _PANELS, strict=True):
            _panel(axes, of_cell, variants, name)
            axes.set_xlabel(label)
        title = f"{cell.model}, {cell.dataset}, n = {n} traces"
        row[0].set_title(title, loc="left", parse_math=False)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, variants: Sequence[str], name: str) -> None:
    before = cell.loc[cell["variant"].eq(BASE), "per_trace"].iloc[0]
    base_line = before if name == "per_trace" else 0.0
    axes.axvline(base_line, color=style.INK, linewidth=0.6, zorder=1)
    for place, variant in enumerate(variants):
        row = cell[cell["variant"].eq(variant)].iloc[0]
        color = style.VARIANT_COLORS[variant]
        if not row["traces"]:
            axes.annotate(
                "no pairs", (base_line, place), (3, 0), textcoords="offset points", va="center",
                color=style.FAINT, fontsize=6,
            )  # fmt: skip
            continue
        ends = [row[f"{name}_low"], row[f"{name}_high"]]
        if np.isfinite(ends).all():
            axes.plot(ends, [place, place], color=color, linewidth=1.1, solid_capstyle="butt")
        marker = "o" if variant == BASE else style.VARIANT_MARKERS[variant]
        axes.plot(
            row[name], place, marker, color=color,
            markerfacecolor=style.face(color, row["n"]), markersize=4, zorder=3,
        )  # fmt: skip
    axes.set_yticks(range(len(variants)), [style.word(one) for one in variants])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(variants) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x")
