"""Whether counts of forced runs are as equal as chance: their p against uniform ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import cells
from cliff_tokens.stages.forced_runs import dispersion

LOWEST = 1e-6  # p below are drawn here


def values(runs: pd.DataFrame, models: Sequence[str], confidence: float) -> pd.DataFrame:
    """A row for every run that tells: model, prefixes and p, in the order of p within a model.

    ``expected`` is the mean of a uniform p of that rank, ``low`` and ``high`` the bounds of its
    central interval, and ``dispersion`` is of the whole model.
    """
    told = runs.dropna(subset=["p"])
    parts = []
    for labels, own in cells(told, model=models):
        own = own.sort_values(["p", "trace_id", "first"])
        rank, size = np.arange(1, len(own) + 1), len(own)
        law = stats.beta(rank, size - rank + 1)
        parts.append(
            own[["trace_id", "first", "prefixes", "p"]].assign(
                model=labels["model"],
                expected=rank / (size + 1),
                low=law.ppf((1 - confidence) / 2),
                high=law.ppf((1 + confidence) / 2),
                dispersion=dispersion(own)[0],
            )
        )
    return pd.concat(parts, ignore_index=True)


@style.styled
def draw(values: pd.DataFrame, models: Sequence[str]) -> Figure:
    """A panel for each model: seen against expected p, on a logarithmic scale."""
    rows, columns = style.grid_shape(len(models), 4)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.6 * columns))
    figure = style.figure(0.6 + rows * width / columns * 0.92, width)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_axis_off()
    left = 0.5 * values["expected"].min() if len(values) else 0.1
    lowest = values[["p", "low"]].clip(LOWEST).min(axis=None) if len(values) else 0.1
    ends = [left, 1.0]
    for axes, model in zip(grid.flat, models, strict=False):
        cell = values[values["model"].eq(model)]
        said = f"n = {len(cell)}"
        axes.plot(ends, ends, color=style.FAINT, linewidth=0.6, zorder=1)
        axes.set(xscale="log", yscale="log", xlim=(1, left), ylim=(1, 0.5 * lowest))
        if cell.empty:
            style.say_empty(axes, "no run tells")
        else:
            said += f", dispersion {cell['dispersion'].iloc[0]:.2f}"
            axes.fill_between(
                cell["expected"], cell["low"].clip(LOWEST), cell["high"],
                color=style.FAINT, alpha=0.3, linewidth=0, zorder=0,
            )  # fmt: skip
            axes.plot(cell["expected"], cell["p"].clip(LOWEST), "o", color=style.INK, markersize=2)
        axes.set_title(f"{style.wrap(model, 18)}\n{said}", fontsize=7, parse_math=False)
    figure.supxlabel("p of independent rollouts", fontsize=7)
    figure.supylabel("p of a run's counts", fontsize=7)
    return figure
