"""Figure 1: which drops the rule flags, by the potential before the token.

Counts are whole, so the rule is a staircase: of each count before a token, the smallest drop that
is a cliff. The curve through continuous potentials is not drawn, because no data can lie between.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.stages.cliff_test import CliffTest, boundary

REGION = "#DDE3EE"
EDGE = "#222255"
IMPOSSIBLE = "#F2F2F2"


def values(test: CliffTest, rollouts: int) -> pd.DataFrame:
    """The boundary of the rule: a row for every count before a token.

    ``successes_after`` is the largest count that is still a cliff and ``drop`` the smallest drop,
    both null where no drop suffices; ``cliff_cells`` is the number of counts after that are.
    """
    frame = boundary(test, rollouts)
    after = frame["successes_after"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    frame["potential_before"] = frame["successes_before"] / rollouts
    frame["drop"] = (frame["successes_before"] - after) / rollouts
    frame["cliff_cells"] = np.nan_to_num(after + 1).astype(int)
    frame["rollouts"] = rollouts
    frame["margin"] = test.margin
    frame["z"] = test.z
    return frame


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Smallest flagged drop against the potential before, with the region above it."""
    rollouts, margin, z = (values[name].iloc[0] for name in ("rollouts", "margin", "z"))
    before = values["potential_before"].to_numpy()
    drop = values["drop"].to_numpy()
    figure = style.figure(2.9, style.COLUMN)
    axes = figure.add_subplot()
    axes.fill_between([0, 1], [0, 1], [1, 1], color=IMPOSSIBLE, linewidth=0)
    # Each count stands for the interval around it, so that the region is one staircase.
    half = 0.5 / rollouts
    x = np.clip(np.column_stack([before - half, before + half]), 0, 1).ravel()
    lower = np.repeat(drop - half, 2)
    axes.fill_between(
        x, np.minimum(lower, x), x, where=np.isfinite(lower), color=REGION, linewidth=0
    )
    axes.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.6)
    axes.axhline(margin, color=style.INK, linestyle=(0, (4, 2)), linewidth=0.8)
    axes.plot(before, drop, "o", color=EDGE, markersize=1.8, zorder=3, clip_on=False)
    cells = f"{values['cliff_cells'].sum()} of {(rollouts + 1) ** 2} pairs of counts"
    if np.isfinite(drop).any():
        above = np.nanmax(drop) + 0.09
        axes.text(0.98, above, f"cliff: {cells}", ha="right", va="center", fontsize=6.5)
    axes.text(0.98, margin - 0.015, f"margin {margin:g}", ha="right", va="top", fontsize=6.5)
    axes.text(0.32, 0.72, "more than there was to lose", ha="center", color=style.FAINT)
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="potential before the token",
        ylabel="drop in potential",
        title=f"smallest drop that is a cliff (N = {rollouts}, z = {z:g})",
    )
    return figure
