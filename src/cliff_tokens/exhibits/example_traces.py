"""Example traces: the potential along each, and the words around its largest drops."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import TextArea
from matplotlib.ticker import MaxNLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import OUTCOMES
from cliff_tokens.exhibits.confirmation import confirm
from cliff_tokens.exhibits.single_trace import (
    COLUMNS,
    along_trace,
    aside,
    draw_curve,
    marks,
    word,
    write_line,
)
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

_STRIPS = 3  # cliffs of a trace whose surroundings are written out
_LETTERS = 112  # that fit on a line
_READABLE = 5  # cliffs beyond which a trace is not a better example


def choose(traces: pd.DataFrame, cliffs: pd.DataFrame, count: int) -> list[str]:
    """The most telling traces, in turn incorrect and correct.

    More kinds of cliff first, then more cliffs, then the shorter trace; the id breaks ties. A
    problem is shown once while others remain.
    """
    counted = cliffs.groupby("trace_id").agg(kinds=("kind", "nunique"), cliffs=("t", "size"))
    columns = ["dataset", "problem_id", "verdict", "token_ids"]
    pool = counted.join(traces.set_index("trace_id")[columns], how="inner").reset_index()
    pool["length"] = pool["token_ids"].map(len)
    pool["readable"] = pool["cliffs"].clip(upper=_READABLE)
    pool["outcome"] = np.where(pool["verdict"].eq("correct"), *OUTCOMES)
    pool = pool.sort_values(
        ["kinds", "readable", "length", "trace_id"], ascending=[False, False, True, True]
    )
    pool["again"] = pool.groupby(["dataset", "problem_id"]).cumcount()
    pool = pool.sort_values("again", kind="stable")
    pool["turn"] = pool.groupby("outcome").cumcount()
    # "incorrect" sorts after "correct": it goes first in each turn.
    pool = pool.sort_values(["turn", "outcome"], ascending=[True, False], kind="stable")
    return pool["trace_id"].head(count).tolist()


def values(
    traces: pd.DataFrame,
    estimates: pd.DataFrame,
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
    intervals: Intervals,
    examples: int,
) -> pd.DataFrame:
    """The rows of ``along_trace`` of the chosen traces, in the order in which they are drawn.

    Args:
        traces: those to choose from.
        estimates: their potentials, which the cliffs were found on.
        tokens: their tokens.
        cliffs: the cliffs on them.
        resampling: the arms of each cliff, which confirm it or do not.
        test: the rule.
        intervals: how intervals are made.
        examples: how many traces are shown, at most.
    """
    cliffs = confirm(cliffs, resampling, test)
    by_id = traces.set_index("trace_id", drop=False)
    parts = [
        along_trace(by_id.loc[trace_id], estimates, tokens, cliffs, test, intervals)
        for trace_id in choose(traces, cliffs, examples)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """A curve for each trace, and under it the words around its largest drops."""
    trace_ids = list(pd.unique(values["trace_id"]))
    if not trace_ids:
        return style.empty("no trace of this run has a cliff")
    frames = [values[values["trace_id"].eq(trace_id)] for trace_id in trace_ids]
    strips = [min(_STRIPS, int(frame["kind"].notna().sum())) for frame in frames]
    heights = [height for lines in strips for height in (1.25, 0.17 * lines + 0.05)]
    figure = style.figure(0.35 + sum(heights) + 0.36 * len(frames))
    grid = figure.subplots(len(heights), 1, height_ratios=heights)
    for axes, below, frame in zip(grid[::2], grid[1::2], frames, strict=True):
        draw_curve(axes, frame, frame["t"].to_numpy())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _words(below, frame)
    grid[-2].set_xlabel("position t (tokens)", labelpad=1)
    figure.legend(handles=marks(values), loc="outside upper center", ncols=7)
    return figure


def _words(axes: Axes, frame: pd.DataFrame) -> None:
    axes.set_axis_off()
    cliffs = frame[frame["kind"].notna()].copy()
    potential = frame.set_index("t")["potential"]
    cliffs["drop"] = potential.loc[cliffs["t"] - 1].to_numpy() - cliffs["potential"].to_numpy()
    chosen = cliffs.sort_values(["drop", "t"], ascending=[False, True]).head(_STRIPS)
    for line, row in enumerate(chosen.sort_values("t").itertuples()):
        before = potential.loc[row.t - 1]
        head = f"t = {row.t}  {before:.2f}→{row.potential:.2f}"
        write_line(axes, _line(frame, row.t, row.kind, head), 1 - line / len(chosen))


def _line(frame: pd.DataFrame, t: int, kind: str, head: str) -> list[TextArea]:
    """The potentials, then the tokens around ``t`` with the cliff marked."""
    words = frame.loc[frame["t"].gt(0), ["t", "token"]].set_index("t")["token"]
    shown = {at: style.token_text(token) for at, token in words.items()}
    first = last = t
    room = _LETTERS - len(head) - len(shown[t])
    # Two tokens before for one after: what led there says more than what followed.
    for side in (-1, -1, 1) * len(shown):
        at = first - 1 if side < 0 else last + 1
        if at in shown and room >= len(shown[at]) + 1:
            room -= len(shown[at]) + 1
            first, last = min(first, at), max(last, at)
    around = [word(shown[at], kind if at == t else None) for at in range(first, last + 1)]
    return [aside(f"{head}  "), *around]
