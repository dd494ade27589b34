"""Figures 16 and 17: pass@k with the cliff token deleted and kept, beside control tokens."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style, summaries
from cliff_tokens.exhibits.summaries import ARMS
from cliff_tokens.statistics import Intervals


def values(
    resampling: pd.DataFrame,
    cliffs: pd.DataFrame,
    outcome: str,
    intervals: Intervals,
    which: str = "all",
    ks: Sequence[int] | None = None,
    models: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Rows of ``summaries.pass_at_k``, with the outcome beside them."""
    frame = summaries.pass_at_k(resampling, cliffs, outcome, intervals, which, ks, models, datasets)
    frame.insert(0, "outcome", outcome)
    return frame


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Data sets in rows, models in columns; k on a logarithmic axis."""
    models, datasets = (list(pd.unique(values[name])) for name in ("model", "dataset"))
    if not models or not datasets:
        figure = style.figure(1.5)
        axes = figure.add_subplot()
        axes.set_axis_off()
        style.say_empty(axes, "no cliffs were resampled")
        return figure
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.0 * len(models)))
    height = 1.35 if len(models) > 3 else 1.6
    figure = style.figure(0.8 + height * len(datasets), width)
    grid = figure.subplots(len(datasets), len(models), sharex=True, sharey=True, squeeze=False)
    for row, dataset in zip(grid, datasets, strict=True):
        for axes, model in zip(row, models, strict=True):
            cell = values[values["model"].eq(model) & values["dataset"].eq(dataset)]
            _panel(axes, cell, roomy=len(models) <= 3)
        row[0].set_ylabel(f"{dataset}\npass@k", parse_math=False)
    for axes, model in zip(grid[0], models, strict=True):
        above = f"{style.wrap(model, 14)}\n{axes.get_title()}"
        axes.set_title(above, parse_math=False)
    figure.supxlabel("k      (n = cliffs / control tokens)", fontsize=7)
    handles = [
        style.handle(style.ARM_COLORS[arm], style.ARM_MARKERS[arm], style.ARM_DASHES[arm], label)
        for arm, label in (
            ("del", "cliff deleted"),
            ("keep", "cliff kept"),
            ("control_del", "control deleted"),
            ("control_keep", "control kept"),
        )
    ]
    columns = 2 if width < 4 else 4
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, handlelength=2.6)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, roomy: bool) -> None:
    ks = np.unique(cell["k"])
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, minor=False)
    shown = ks if roomy else ks[::2]
    axes.set_xticklabels([str(k) if k in shown else "" for k in ks])
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.grid()
    counts = {arm: int(cell.loc[cell["arm"].eq(arm), "n"].max()) for arm in ARMS}
    axes.set_title(f"n = {counts['del']} / {counts['control_del']}", fontsize=6.5, pad=3)
    if not any(counts.values()):
        outcome = cell["outcome"].iloc[0]
        style.say_empty(axes, f"no cliffs on {outcome} traces")
        return
    # Controls first: they lie behind what they are compared with.
    for arm in reversed(ARMS):
        line = cell[cell["arm"].eq(arm)].sort_values("k")
        if not counts[arm]:
            continue
        color = style.ARM_COLORS[arm]
        axes.fill_between(
            line["k"], line["mean_low"], line["mean_high"], color=color, alpha=0.15, linewidth=0
        )
        axes.plot(
            line["k"],
            line["mean"],
            color=color,
            linestyle=style.ARM_DASHES[arm],
            marker=style.ARM_MARKERS[arm],
            markersize=2.6,
            markerfacecolor=style.face(color, counts[arm]),
            markeredgewidth=0.8,
        )
