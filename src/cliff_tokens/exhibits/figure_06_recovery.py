"""Figure 6: where the sampled token leads at sampled-off cliffs, and where the greedy one would."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import mean_columns
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

_COLUMNS = 4
_COLOR = style.KIND_COLORS["sampled_off"]


def values(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
    intervals: Intervals,
) -> pd.DataFrame:
    """Potential after the sampled and after the greedy token, with Wilson intervals.

    A row for each sampled-off cliff; ``n``, ``gap`` (mean of greedy minus sampled, with its
    interval) and ``better`` (cliffs where the greedy token leads further) are those of the model.

    Args:
        candidates: those at the cliffs, the greedy one among them.
        cliffs: rows of the table.
        resampling: the arms of each cliff, which confirm it or do not.
        test: the rule.
        intervals: how intervals are made.
    """
    rows = recovery(candidates, cliffs)
    for name in ("sampled", "greedy"):
        counts = rows[f"successes_{name}"], rows[f"rollouts_{name}"]
        rows[name] = counts[0] / counts[1]
        rows[f"{name}_low"], rows[f"{name}_high"] = statistics.wilson(*counts, intervals.confidence)
    columns = [f"{name}{end}" for name in ("sampled", "greedy") for end in ("", "_low", "_high")]
    of_models = []
    for model, cell in rows.groupby("model", sort=False):
        gap = cell["greedy"] - cell["sampled"]
        cluster = cell["dataset"] + "/" + cell["problem_id"]
        of_models.append(
            {
                "model": model,
                "n": len(cell),
                "better": int((gap > 0).sum()),
                **mean_columns("gap", gap, cluster, intervals),
            }
        )
    summary = ["model", "n", "better", "gap", "gap_low", "gap_high"]
    rows = rows.merge(pd.DataFrame(of_models, columns=summary), on="model", how="left")
    rows["confirmed"] = rows["cliff_id"].map(confirmed_by_cliff(cliffs, resampling, test))
    return rows[["cliff_id", "model", *columns, *summary[1:], "confirmed"]]


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
    figure = style.figure(0.3 + rows * (width / columns + 0.2), width)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_axis_off()
    for axes, model in zip(grid.flat, models, strict=False):
        cell = values[values["model"].eq(model)]
        _panel(axes, cell)
        above = style.wrap(model, 22)
        if len(cell):
            one = cell.iloc[0]
            above += f"\ngreedy better in {one.better} of {one.n}\nmean gap {_signed(one.gap)}"
            if np.isfinite(one.gap_low):
                above += f" [{_signed(one.gap_low)}, {_signed(one.gap_high)}]"
        axes.set_title(above, fontsize=7, parse_math=False)
    figure.legend(handles=[style.unconfirmed()], loc="outside upper center")
    figure.supxlabel("potential after the sampled token", fontsize=7)
    figure.supylabel("potential after the greedy token", fontsize=7)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.6, zorder=1)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.grid()
    if cell.empty:
        style.say_empty(axes, "no sampled-off cliffs")
        return
    bars = {"color": _COLOR, "linewidth": 0.5, "alpha": 0.5}
    axes.hlines(cell["greedy"], cell["sampled_low"], cell["sampled_high"], **bars)
    axes.vlines(cell["sampled"], cell["greedy_low"], cell["greedy_high"], **bars)
    marker = style.KIND_MARKERS["sampled_off"]
    style.cliff_marks(axes, cell["sampled"], cell["greedy"], cell, _COLOR, marker, markersize=3.2)


def _signed(value: float) -> str:
    return f"{value:+.2f}"
