"""A trace that recovers from a cliff: its potential, and its text where the potential moves.

Every trace that holds a cliff and ends correct recovers, since its potential ends at 1. Shown is
the one that had fallen furthest, by rollouts that selected nothing.
"""

from itertools import chain

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import TextArea

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.confirmation import confirm
from cliff_tokens.exhibits.single_trace import (
    COLUMNS,
    along_trace,
    aside,
    draw_curve,
    marks,
    width_of,
    word,
    write_line,
)
from cliff_tokens.stages.arms import CONFIRMED, join_arms
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

_AROUND = 6  # tokens written on either side of a move, and at both ends of the trace
_MOVES = 6  # moves that are written, at most
_GAP = 4.0  # width of what is left out, in tokens
_LINE = 420.0  # points for a line of text, with room for the hinting of letters


def choose(cliffs: pd.DataFrame, resampling: pd.DataFrame) -> pd.Series | None:
    """The cliff to recover from: confirmed, on a trace that ends correct, and the lowest of those.

    Lowest is the one after which the smallest share of fresh rollouts is right; trace and position
    break ties. None where there is no such cliff. ``cliffs`` have the word ``confirmed``.
    """
    found = join_arms(cliffs, resampling)
    found = found[found["confirmed"].eq(CONFIRMED) & found["outcome"].eq("correct")]
    found = found.assign(fresh=found["successes_keep"] / found["rollouts_keep"])
    found = found.sort_values(["fresh", "trace_id", "t"])
    return None if found.empty else found.iloc[0]


def values(
    traces: pd.DataFrame,
    estimates: pd.DataFrame,
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
    intervals: Intervals,
) -> pd.DataFrame:
    """The rows of ``along_trace`` of the chosen trace; none where no trace qualifies.

    ``part`` names the chosen cliff and its ``recovery``, the token after it with the largest rise
    of the potential; ``written`` says whether the token is in the text that is drawn.

    Args:
        traces: those to choose from.
        estimates: their potentials, which the cliffs were found on.
        tokens: their tokens.
        cliffs: the cliffs on them.
        resampling: the arms of each cliff, which confirm it or do not.
        test: the rule.
        intervals: how intervals are made.
    """
    cliffs = confirm(cliffs, resampling, test)
    chosen = choose(cliffs, resampling)
    if chosen is None:
        return pd.DataFrame(columns=[*COLUMNS, "part", "written"])
    trace = traces[traces["trace_id"].eq(chosen["trace_id"])].iloc[0]
    frame = along_trace(trace, estimates, tokens, cliffs, test, intervals)
    rises = frame["potential"].diff()
    recovery = int(rises.where(frame["t"].gt(chosen["t"])).idxmax())
    frame["part"] = frame["t"].map({chosen["t"]: "cliff", recovery: "recovery"})
    # Cliff and recovery first, then other tokens by how far they move the potential.
    order = rises.abs().mask(frame["part"].notna(), np.inf).sort_values(ascending=False)
    moves = order[order.gt(test.margin)].index[:_MOVES]
    ends = pd.Index([0, len(frame) - 1])
    near = np.abs(np.subtract.outer(frame.index, moves.union(ends))) <= _AROUND
    return frame.assign(written=near.any(axis=1))


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """The curve, with calm stretches narrowed, and under it the text without them."""
    if values.empty:
        return style.empty("no trace of this run ends correct after a confirmed cliff")
    lines = _lines(_words(values))
    heights = [1.7, 0.19 * len(lines) + 0.05]
    figure = style.figure(0.7 + sum(heights))
    curve, text = figure.subplots(2, 1, height_ratios=heights)
    _curve(curve, values)
    text.set_axis_off()
    for place, words in enumerate(lines):
        write_line(text, words, 1 - place / len(lines))
    recovery = style.handle(style.INK, "^", "", "recovery")
    recovery.set_markerfacecolor("white")
    figure.legend(handles=[recovery, *marks(values)], loc="outside upper center", ncols=7)
    return figure


def _curve(axes: Axes, frame: pd.DataFrame) -> None:
    stretch = frame["written"].ne(frame["written"].shift()).cumsum()
    lengths = stretch.groupby(stretch).transform("size")
    widths = np.where(frame["written"], 1.0, np.minimum(1.0, _GAP / lengths))
    x = widths.cumsum()
    draw_curve(axes, frame, x)
    for _, rows in frame[~frame["written"]].groupby(stretch):
        first, last = rows.index[0], rows.index[-1]
        axes.axvspan(x[first - 1], x[last + 1], color=style.GRID, linewidth=0, zorder=0)
    recovery = frame["part"].eq("recovery").to_numpy()
    axes.plot(
        x[recovery], frame.loc[recovery, "potential"], "^", color=style.INK,
        markerfacecolor="white", markersize=4.5, clip_on=False, zorder=5,
    )  # fmt: skip
    ticks, told = [], (frame.index[frame[name].notna()] for name in ("part", "kind"))
    for at in chain([0, len(frame) - 1], *told):
        if all(abs(x[at] - x[other]) > (x[-1] - x[0]) / 40 for other in ticks):
            ticks.append(at)
    axes.set_xticks(x[ticks], frame["t"].iloc[ticks])
    axes.set_xlabel("position t (tokens); gray: calm stretches, narrowed", labelpad=1)


def _words(frame: pd.DataFrame) -> list[TextArea]:
    """The text in pieces: words, and what is said of them or of what is left out."""
    before = frame["potential"].shift()
    stretch = frame["written"].ne(frame["written"].shift()).cumsum()
    pieces = []
    for _, rows in frame[frame["t"].gt(0)].groupby(stretch):
        if not rows["written"].iloc[0]:
            low, high = (f"{end:.2f}" for end in (rows["potential"].min(), rows["potential"].max()))
            between = f"at {low}" if low == high else f"from {low} to {high}"
            pieces.append(aside(f"[{len(rows)} tokens {between}]"))
            continue
        for row in rows.itertuples():
            kind = row.kind if isinstance(row.kind, str) else None
            recovers = row.part == "recovery"
            pieces.append(word(style.token_text(row.token), kind, framed=recovers))
            if kind or recovers:
                pieces.append(aside(f"({before[row.Index]:.2f}→{row.potential:.2f})"))
    return pieces


def _lines(pieces: list[TextArea]) -> list[list[TextArea]]:
    lines, room = [[]], _LINE
    for piece in pieces:
        width = width_of(piece)
        if width > room:
            lines.append([])
            room = _LINE
        lines[-1].append(piece)
        room -= width
    return lines
