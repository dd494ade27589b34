"""Figure 15: next-token entropy at cliff tokens against that at all tokens.

Most tokens are all but certain, so entropies span many orders of magnitude and crowd at zero. The
density is over their decades; what lies at or below a floor is no density but an atom, drawn as a
bar whose area is its share. Curve and bar together have area 1.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import cells, owned, share_columns
from cliff_tokens.stages.taxonomy import entropy_threshold
from cliff_tokens.statistics import Intervals

FLOOR = 1e-4  # nats; below, differences are rounding of the logits
BASELINE = 20_000  # tokens of a model that the baseline's density is made from, as in the paper
_DECADES = np.linspace(np.log10(FLOOR), 1.0, 161)
_BAR = 0.5  # decades
_COLUMNS = 4


def values(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    traces: pd.DataFrame,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Density per decade of entropy, per model and group (cliff, all).

    ``n`` counts the group's tokens; ``low_entropy`` is the share at or below ``threshold``;
    ``atom`` the share at or below the floor, which the density leaves out.

    Args:
        tokens: every token of the traces, the baseline.
        cliffs: the tokens among them that are cliffs.
        traces: who wrote the tokens, to which problem.
        certain: probability whose binary entropy is the threshold h*.
        intervals: how intervals are made; their seed draws the baseline's sample too.
        models: in the order of the rows.
    """
    threshold = entropy_threshold(certain)
    columns = ["trace_id", "entropy"]
    groups = [tokens[columns].assign(group="all"), cliffs[columns].assign(group="cliff")]
    grouped = owned(pd.concat(groups, ignore_index=True), traces)
    parts = []
    for labels, cell in cells(grouped, model=models, group=("all", "cliff")):
        low = share_columns(
            "low_entropy", cell["entropy"].le(threshold), cell["cluster"], intervals
        )
        entropy = statistics.subsample(cell["entropy"].to_numpy(), BASELINE, intervals.seed)
        above = entropy[entropy > FLOOR]
        atom = 1 - len(above) / len(entropy) if len(entropy) else np.nan
        density = statistics.density(np.log10(above), _DECADES) * (1 - atom)
        row = labels | {"n": len(cell)} | low | {"threshold": threshold, "atom": atom}
        parts.append(pd.DataFrame({**row, "entropy": 10**_DECADES, "density": density}))
    return pd.concat(parts, ignore_index=True)


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """A panel for each model, with the shares of low entropy written in."""
    models = list(pd.unique(values["model"]))
    rows, columns = style.grid_shape(len(models), _COLUMNS)
    width = style.COLUMN if columns == 1 else style.PAGE
    figure = style.figure(0.75 + 1.6 * rows, width)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in grid[len(models) :]:
        axes.set_axis_off()
    for place, (axes, model) in enumerate(zip(grid, models, strict=False)):
        _panel(axes, values[values["model"].eq(model)], roomy=columns < 3)
        axes.set_title(model, parse_math=False)
        if place % columns == 0:
            axes.set_ylabel("density per decade")
        if place + columns >= len(models):
            axes.tick_params(axis="x", labelbottom=True)
            axes.set_xlabel("entropy (nats)")
    # Room above the highest bar, for the shares.
    grid[0].set_ylim(0, 1.4 * np.nanmax([*values["density"], *values["atom"] / _BAR], initial=0.1))
    figure.legend(
        handles=[
            style.handle(style.TOKEN_COLORS["all"], label="all tokens"),
            style.handle(style.TOKEN_COLORS["cliff"], label="cliff tokens"),
            style.handle(style.INK, dash=(0, (4, 2)), label="h*"),
        ],
        loc="outside upper center",
        ncols=3,
    )
    return figure


def _panel(axes: Axes, cells: pd.DataFrame, roomy: bool) -> None:
    floor = np.log10(FLOOR)
    threshold = np.log10(cells["threshold"].iloc[0])
    lines = ["share ≤ h*"]
    for group in ("all", "cliff"):
        cell = cells[cells["group"].eq(group)]
        color, first = style.TOKEN_COLORS[group], cell.iloc[0]
        n = int(first["n"])
        if not n:
            lines.append(f"{group}: none")
            continue
        x = np.log10(cell["entropy"])
        if group == "all":
            axes.fill_between(x, cell["density"], color=color, alpha=0.6, linewidth=0)
        axes.plot(x, cell["density"], color=color, linestyle="-" if n >= style.FEW else ":")
        edges = [floor - _BAR, floor]
        axes.stairs(
            [first["atom"] / _BAR],
            edges,
            color=color,
            fill=group == "all",
            alpha=0.6 if group == "all" else 1,
            linewidth=1.2,
        )
        lines.append(f"{group}: {first['low_entropy']:.0%} of {n:,}")
    axes.axvline(threshold, color=style.INK, linestyle=(0, (4, 2)), linewidth=0.8)
    ticks = [floor - _BAR / 2, -3, -2, -1, 0, 1]
    axes.set_xticks(
        ticks, [f"≤{FLOOR:g}" if roomy else "≤$10^{-4}$", ".001", ".01", ".1", "1", "10"]
    )
    axes.set_xlim(floor - _BAR - 0.1, 1)
    axes.text(
        0.98,
        0.98,
        "\n".join(lines),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=6,
        linespacing=1.3,
        bbox={"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 1},
    )
