"""Error of the potential against generated tokens: simulated curves, measured points."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import POOLED
from cliff_tokens.exhibits.estimator_errors import compare_errors
from cliff_tokens.stages.estimators import Protocol, rollouts_of
from cliff_tokens.stages.recursion import unsmoothed_errors
from cliff_tokens.statistics import Intervals

MEASURED, SIMULATED = "measured", "simulated"


def values(
    estimates: pd.DataFrame,
    potential: pd.DataFrame,
    branches: pd.DataFrame,
    simulated_errors: pd.DataFrame,
    reference_branches: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    rounds: Mapping[str, Sequence[str]],
    protocol: Protocol,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``average_passes``, and the estimators as they were measured.

    Args:
        estimates: of all estimators, told apart by the column ``estimator``.
        potential: rollouts that were drawn; no files where the run has no independent ones.
        branches: branches that were drawn, of all rounds (column ``draws``).
        simulated_errors: rows of the table, with the column ``model``.
        reference_branches: branches that were drawn for the reference.
        traces: rows of the table.
        tokens: rows of the table.
        rounds: the draws that each estimator is made of.
        protocol: of the estimators as they were measured.
        intervals: how intervals are made.
        models: panels, in this order.
    """
    simulated = average_passes(simulated_errors, models)
    known = unsmoothed_errors(traces, tokens, reference_branches)
    measured = compare_errors(
        estimates, potential, branches, known, traces, rounds, intervals, models
    )
    measured = measured[measured["model"].ne(POOLED)].assign(source=MEASURED)
    measured["rollouts"] = [rollouts_of(name, protocol) for name in measured["estimator"]]
    return pd.concat([simulated.assign(source=SIMULATED), measured], ignore_index=True)


def average_passes(simulated_errors: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Error against cost: model, estimator, rollouts (N), generated_tokens, rmse.

    A pass is over all data sets of a model. ``models`` are rows of the result, in this order.
    """
    curve = ["model", "estimator", "rollouts"]
    simulated_errors = simulated_errors.rename(columns={"expected_tokens": "generated_tokens"})
    sums = ["generated_tokens", "prefixes", "square_error"]
    passes = simulated_errors.groupby([*curve, "repetition"], as_index=False)[sums].sum()
    means = passes.groupby(curve, as_index=False)[sums].mean()
    means["rmse"] = np.sqrt(means.pop("square_error") / means.pop("prefixes"))
    return pd.concat([means[means["model"].eq(model)] for model in models], ignore_index=True)


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
    measured = set(values.loc[values["source"].eq(MEASURED), "estimator"])
    handles = [
        style.handle(color, style.ESTIMATOR_MARKERS[name], "", f"{name}, measured")
        if name in measured
        else style.handle(color, label=f"{name}, simulated")
        for name, color in style.ESTIMATOR_COLORS.items()
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
        of_estimator = cell[cell["estimator"].eq(name)]
        line = of_estimator[of_estimator["source"].eq(SIMULATED)].sort_values("rollouts")
        points = of_estimator[of_estimator["source"].eq(MEASURED)]
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
