"""Error of the potential against generated tokens: simulated curves, measured points."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from cliff_tokens.exhibits import style, truth
from cliff_tokens.exhibits.summaries import POOLED
from cliff_tokens.stages import simulation
from cliff_tokens.statistics import Intervals

MEASURED, SIMULATED = "measured", "simulated"


def values(
    estimates: Mapping[str, pd.DataFrame],
    counts: Mapping[str, pd.DataFrame],
    reference: pd.DataFrame,
    reference_branches: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    rollouts: int,
    seed: int,
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Rows of ``simulation.curve``, and the measured estimators at N = ``rollouts``."""
    simulated = simulation.curve(
        traces, tokens, alternatives, reference, reference_branches, seed, models
    )
    measured = truth.errors(estimates, counts, reference, intervals, models)
    return pd.concat(
        [
            simulated.assign(source=SIMULATED),
            measured[measured["model"].ne(POOLED)].assign(source=MEASURED, rollouts=rollouts),
        ],
        ignore_index=True,
    )


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """A panel for each model, on logarithmic axes."""
    models = list(pd.unique(values["model"]))
    rows, columns = style.grid_shape(len(models), 4)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.7 * columns))
    figure = style.figure(0.8 + 2.0 * rows, width)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_axis_off()
    for axes, model in zip(grid.flat, models, strict=False):
        _panel(axes, values[values["model"].eq(model)])
        axes.set_title(style.wrap(model, 18), parse_math=False)
    for row in grid:
        row[0].set_ylabel("error of the potential (RMS)")
    figure.supxlabel("generated tokens", fontsize=7)
    handles = [
        style.handle(
            style.ESTIMATOR_COLORS[name], style.ESTIMATOR_MARKERS[name], "", f"{name}, measured"
        )
        for name in style.ESTIMATOR_COLORS
        if name in set(values["estimator"])
    ]
    handles.append(style.handle(style.INK, "", "-", "simulated from the reference"))
    handles.append(style.handle(style.FAINT, "", (0, (1, 1.5)), "slope -1/2"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3 if width > 4 else 2)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame) -> None:
    axes.set(xscale="log", yscale="log")
    axes.grid(which="major")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    for name, color in style.ESTIMATOR_COLORS.items():
        own = cell[cell["estimator"].eq(name)]
        line = own[own["source"].eq(SIMULATED)].sort_values("rollouts")
        points = own[own["source"].eq(MEASURED)]
        axes.plot(line["generated_tokens"], line["rmse"], color=color)
        if len(line):
            start = line.iloc[0]
            ends = np.array([start["generated_tokens"], line["generated_tokens"].iloc[-1]])
            guide = start["rmse"] * np.sqrt(ends[0] / ends)
            axes.plot(ends, guide, color=style.FAINT, linewidth=0.7, linestyle=(0, (1, 1.5)))
            for end in (line.iloc[0], line.iloc[-1]):
                axes.annotate(
                    f"{end['rollouts']:.0f}",
                    (end["generated_tokens"], end["rmse"]),
                    xytext=(3, 3),
                    textcoords="offset points",
                    fontsize=6,
                    color=color,
                )
        for point in points.itertuples():
            style.interval(axes, point.generated_tokens, point.rmse_low, point.rmse_high, color)
            axes.plot(
                point.generated_tokens, point.rmse, style.ESTIMATOR_MARKERS[name],
                color=color, markersize=4, zorder=3,
            )  # fmt: skip
    low, high = axes.get_ylim()
    ticks = [tick for tick in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
