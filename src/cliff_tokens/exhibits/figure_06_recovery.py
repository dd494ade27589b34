"""Figure 6: where the sampled token leads at sampled-off cliffs, and where the greedy one would.

That the greedy token leads further is no finding: by identity (2) of docs/estimators.md so do all
alternatives on average, at every true cliff. Beside the greedy token stands that average, B.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import mean_columns, problems_of
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
from cliff_tokens.stages.arms import average_alternative, join_arms
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import DIFFERENCE, Intervals
from cliff_tokens.tables import PLACE

_COLUMNS = 4
_COLOR = style.KIND_COLORS["sampled_off"]


def values(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    alternatives: pd.DataFrame,
    test: CliffTest,
    intervals: Intervals,
) -> pd.DataFrame:
    """Potential after the sampled and after the greedy token, with Wilson intervals.

    A row for each sampled-off cliff, with ``average``, where the alternatives of the sampled token
    lead on average, and ``alternatives``, how many there are. Of the model are ``n``, ``gap`` (mean
    of greedy less sampled), ``better`` (cliffs where the greedy token leads further), ``advantage``
    (mean of greedy less average) and ``single`` (cliffs with one alternative, the greedy token).

    Args:
        candidates: tokens that could stand in a cliff's place, and where they lead.
        cliffs: the cliffs that they stand at.
        resampling: the arms del and keep of the cliffs, which confirm them or do not.
        alternatives: tokens that the sampler could have drawn.
        test: the rule.
        intervals: how intervals are made.
    """
    rows = recovery(candidates, cliffs)
    arms = join_arms(cliffs[cliffs["cliff_id"].isin(rows["cliff_id"])], resampling)
    places = arms[["cliff_id", *PLACE]].merge(alternatives[PLACE], on=PLACE)
    rows["average"] = rows["cliff_id"].map(
        pd.Series(average_alternative(arms).to_numpy(), arms["cliff_id"])
    )
    counts = places["cliff_id"].value_counts()
    rows["alternatives"] = rows["cliff_id"].map(counts).fillna(0).astype(int)
    for name in ("sampled", "greedy"):
        counts = rows[f"successes_{name}"], rows[f"rollouts_{name}"]
        rows[name] = counts[0] / counts[1]
        rows[f"{name}_low"], rows[f"{name}_high"] = statistics.wilson(*counts, intervals.confidence)
    columns = [f"{name}{end}" for name in ("sampled", "greedy") for end in ("", "_low", "_high")]
    of_models = []
    for model, cell in rows.groupby("model", sort=False):
        gap = cell["greedy"] - cell["sampled"]
        cluster = problems_of(cell)
        of_models.append(
            {
                "model": model,
                "n": len(cell),
                "better": int((gap > 0).sum()),
                **mean_columns("gap", gap, cluster, intervals, limits=DIFFERENCE),
                **mean_columns("advantage", cell["greedy"] - cell["average"], cluster, intervals),
                "single": int(cell["alternatives"].eq(1).sum()),
            }
        )
    ends = ("", "_low", "_high")
    means = [f"{name}{end}" for name in ("gap", "advantage") for end in ends]
    summary = ["model", "n", "better", *means, "single"]
    rows = rows.merge(pd.DataFrame(of_models, columns=summary), on="model", how="left")
    rows["confirmed"] = rows["cliff_id"].map(confirmed_by_cliff(cliffs, resampling, test))
    shown = [*columns, "average", "alternatives", *summary[1:], "confirmed"]
    return rows[["cliff_id", "model", *shown]]


def recovery(candidates: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """Counts of the sampled and of the greedy token at every sampled-off cliff.

    Columns: cliff_id, model, dataset, problem_id, and successes and rollouts of both.
    """
    rows = cliffs.loc[
        cliffs["kind"].eq("sampled_off"), ["cliff_id", "model", "dataset", "problem_id"]
    ]
    for name in ("sampled", "greedy"):
        part = candidates[candidates[f"is_{name}"]].set_index("cliff_id")
        counts = part[["successes", "rollouts"]].add_suffix(f"_{name}")
        rows = rows.join(counts, on="cliff_id")
    return rows.sort_values("cliff_id", ignore_index=True)


@style.styled
def draw(values: pd.DataFrame, models: Sequence[str]) -> Figure:
    """A panel for each model: above the diagonal the greedy token would have led further."""
    rows, columns = style.grid_shape(max(1, len(models)), _COLUMNS)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.2 * columns))
    top = max(1.03, values["average"].max() + 0.03)
    figure = style.figure(0.6 + rows * (top * width / columns + 0.2), width)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_axis_off()
    for axes, model in zip(grid.flat, models, strict=False):
        cell = values[values["model"].eq(model)]
        _panel(axes, cell, top)
        above = style.wrap(model, 22)
        if len(cell):
            one = cell.iloc[0]
            above += f"\nn = {one.n}, a single alternative at {one.single}"
            above += f"\ngreedy - sampled {_mean(one, 'gap')}"
            above += f"\ngreedy - average {_mean(one, 'advantage')}"
        axes.set_title(above, fontsize=7, parse_math=False)
    figure.supxlabel("potential after the sampled token", fontsize=7)
    figure.supylabel("potential after another token", fontsize=7)
    marker = style.KIND_MARKERS["sampled_off"]
    handles = [
        style.handle(_COLOR, marker, "", "greedy token"),
        style.handle(_COLOR, "_", "", "all alternatives, average"),
        style.unconfirmed(),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, top: float) -> None:
    axes.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.6, zorder=1)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, top), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.grid()
    if cell.empty:
        style.say_empty(axes, "no sampled-off cliffs")
        return
    bars = {"color": _COLOR, "linewidth": 0.5, "alpha": 0.5}
    axes.hlines(cell["greedy"], cell["sampled_low"], cell["sampled_high"], **bars)
    axes.vlines(cell["sampled"], cell["greedy_low"], cell["greedy_high"], **bars)
    axes.plot(cell["sampled"], cell["average"], "_", color=_COLOR, markersize=4, zorder=2)
    marker = style.KIND_MARKERS["sampled_off"]
    style.cliff_marks(axes, cell["sampled"], cell["greedy"], cell, _COLOR, marker, markersize=3.2)


def _mean(row, name: str) -> str:
    """A mean with its sign, and its interval where there is one."""
    value, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    return f"{value:+.2f}" + (f" [{low:+.2f}, {high:+.2f}]" if np.isfinite(low) else "")
