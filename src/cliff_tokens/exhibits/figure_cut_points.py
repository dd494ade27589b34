"""pass@k by cut point in four populations of incorrect traces, and where the cut points lie.

The medians of the positions are taken when they are drawn: the csv holds every position.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
from cliff_tokens.exhibits.cut_point_positions import point_positions
from cliff_tokens.exhibits.cut_point_rates import compare_methods
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cut_points import CutRules
from cliff_tokens.statistics import Intervals, powers_of_two

SCORES, POSITIONS = "pass@k", "position"
_POPULATIONS = {
    "population_tangent": "cliff, critical\nand tangent",
    "cliff_first": "a cliff:\nthe first",
    "cliff_random": "a cliff:\none drawn",
    "all_failure": "all\nincorrect",
}
_LABELS = {
    "cliff": "cliff",
    "critical": "critical token",
    "tangent": "tangent",
    "random": "random",
    "restart": "bare prompt",
}
# Points whose positions are shown, and the method that each is of.
_POINTS = {"cliff": "cliff", "critical token": "critical", "tangent": "tangent"}


def values(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    rules: CutRules,
    test: CliffTest,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``compare_methods`` for powers of two, and below them one for each point.

    ``shows`` tells the two apart; what a row does not have is NaN.

    Args:
        cut_points: rows of the table.
        estimates: those that the cut points were read off.
        traces: rows of the table; correct ones are left out.
        cliffs: rows of the table.
        resampling: the arms of each cliff, which confirm it or do not.
        rules: what makes a tangent.
        test: the rule of cliffs.
        intervals: how intervals are made.
        models: columns of panels, in this order.
    """
    ks = powers_of_two(cut_points["rollouts"].dropna())
    scores = compare_methods(cut_points, estimates, traces, intervals, ks, models, pooled=())
    positions = point_positions(cut_points, estimates, traces, cliffs, rules)
    positions = positions[positions["point"].isin(_POINTS) & positions["model"].isin(models)]
    positions = positions.assign(shows=POSITIONS, method=positions["point"].map(_POINTS))
    words = confirmed_by_cliff(cliffs, resampling, test)
    names = positions["trace_id"] + "@" + positions["t"].astype(str)
    positions["confirmed"] = names.map(words).where(positions["method"].eq("cliff"))
    positions = positions[["shows", "model", "method", "trace_id", "t", "relative", "confirmed"]]
    parts = [scores.assign(shows=SCORES), positions]
    return pd.concat(parts, ignore_index=True).astype({"k": "Int64", "t": "Int64"})


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Populations in rows, models in columns; positions in a last row."""
    scores, positions = (values[values["shows"].eq(part)] for part in (SCORES, POSITIONS))
    models = list(pd.unique(scores["model"]))
    width = min(style.PAGE, max(style.COLUMN, 0.9 + 2.3 * len(models)))
    figure = style.figure(6.6, width)
    grid = figure.subplots(
        len(_POPULATIONS) + 1,
        len(models),
        sharey="row",
        squeeze=False,
        height_ratios=[1] * len(_POPULATIONS) + [0.8],
    )
    for row, (population, label) in zip(grid, _POPULATIONS.items(), strict=False):
        for axes, model in zip(row, models, strict=True):
            inside = scores["model"].eq(model) & scores["population"].eq(population)
            _panel(axes, scores[inside], roomy=len(models) <= 3)
        row[0].set_ylabel(f"{label}\npass@k")
    for axes, model in zip(grid[-1], models, strict=True):
        _strip(axes, positions[positions["model"].eq(model)])
        axes.set_xlabel("position, t / T")
    for axes in grid[:-2].flat:
        axes.tick_params(axis="x", labelbottom=False)
    for axes in grid[-2]:
        axes.set_xlabel("k")
    for axes, model in zip(grid[0], models, strict=True):
        above = f"{style.wrap(model, 14)}\n{axes.get_title()}"
        axes.set_title(above, fontsize=6.5, pad=3, parse_math=False)
    handles = [
        style.handle(
            style.METHOD_COLORS[name], style.METHOD_MARKERS[name], style.METHOD_DASHES[name], label
        )
        for name, label in _LABELS.items()
    ]
    handles.append(style.handle(style.FAINT, label="zero without a cut"))
    handles[-1].set_linewidth(0.7)
    handles.append(style.unconfirmed())
    columns = 3 if width < style.PAGE else 7
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, handlelength=2.8)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, roomy: bool) -> None:
    ks = np.unique(cell["k"].astype(int))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, [str(k) if roomy or not at % 2 else "" for at, k in enumerate(ks)])
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_xlim(ks[0] * 0.85, max(ks[-1], 2) * 1.18)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.grid()
    axes.set_title(f"n = {int(cell['n'].max())}", fontsize=6.5, pad=3)
    if not cell["n"].any():
        style.say_empty(axes, "no such incorrect traces")
        return
    # The cliff last: it lies before what it is compared with.
    for method in reversed(pd.unique(cell["method"])):
        line = cell[cell["method"].eq(method)].sort_values("k")
        name = method.split("_")[0]
        color, k, n = style.METHOD_COLORS[name], line["k"].astype(int), line["with_cut"].iloc[0]
        if n < line["n"].iloc[0]:
            axes.plot(k, line["published"], color=color, linewidth=0.7)
        if not n:
            continue
        low, high = line["fair_low"], line["fair_high"]
        axes.fill_between(k, low, high, color=color, alpha=0.12, linewidth=0)
        axes.plot(
            k,
            line["fair"],
            color=color,
            linestyle=style.METHOD_DASHES[name],
            marker=style.METHOD_MARKERS[name],
            markersize=2.6,
            markerfacecolor=style.face(color, n),
            markeredgewidth=0.8,
        )


def _strip(axes: Axes, positions: pd.DataFrame) -> None:
    """Every point at its position, a line a method, with the median as a bar."""
    names = list(_POINTS.values())
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [_LABELS[name] for name in names])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    counts = [str(int(positions["method"].eq(name).sum())) for name in names]
    axes.set_title(f"n = {' / '.join(counts)}", fontsize=6.5, pad=3)
    for height, name in enumerate(names):
        points = positions[positions["method"].eq(name)]
        at = points["relative"].to_numpy()
        color = style.METHOD_COLORS[name]
        if not len(at):
            continue
        cliff_ids = points["trace_id"] + "@" + points["t"].astype(str)
        style.cliff_marks(
            axes, at, np.full(len(at), height), points.assign(cliff_id=cliff_ids), color,
            style.METHOD_MARKERS[name], markersize=3, alpha=0.6,
        )  # fmt: skip
        median = np.median(at)
        axes.plot([median, median], [height - 0.3, height + 0.3], color=style.INK, linewidth=1.1)
