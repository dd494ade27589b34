"""Example traces: the potential along a trace, the rule's line under it, and the words there.

A token is a cliff when the potential after it falls below the line, which is the potential before
it minus the rule's threshold. The last point is the trace's own verdict, known without rollouts.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from matplotlib.ticker import MaxNLocator

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import OUTCOMES
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
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
    """A row for every prefix 0 .. T of the chosen traces, in the order in which they are drawn.

    ``potential`` has its interval beside it, except at the end, which is the verdict
    (``measured`` is false). ``line`` is the potential below which the token is a cliff; ``kind``
    and ``confirmed`` are null where it is none.

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
    columns = [
        "trace_id", "model", "dataset", "problem_id", "verdict", "t", "token", "measured",
        "potential", "potential_low", "potential_high", "line", "kind",
        "confirmed",
    ]  # fmt: skip
    cliffs = cliffs.assign(
        confirmed=cliffs["cliff_id"].map(confirmed_by_cliff(cliffs, resampling, test))
    )
    parts = [
        _trace(traces, estimates, tokens, cliffs, test, intervals, trace_id)
        for trace_id in choose(traces, cliffs, examples)
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _trace(traces, estimates, tokens, cliffs, test, intervals, trace_id) -> pd.DataFrame:
    trace = traces[traces["trace_id"].eq(trace_id)]
    rows = estimates[estimates["trace_id"].eq(trace_id)].sort_values("t")
    before, after, error = (rows[name].to_numpy() for name in ("before", "after", "before_se"))
    frame = pd.DataFrame(
        {
            "t": np.arange(len(rows) + 1),
            "potential": np.append(before[:1], after),
            "line": np.append(np.nan, before - test.threshold(rows["drop_se"].to_numpy())),
            "measured": np.arange(len(rows) + 1) < len(rows),
        }
    )
    reach = np.append(statistics.critical_value(intervals.confidence) * error, np.nan)
    frame["potential_low"] = np.clip(frame["potential"] - reach, 0, 1)
    frame["potential_high"] = np.clip(frame["potential"] + reach, 0, 1)
    texts = tokens.loc[tokens["trace_id"].eq(trace_id), ["t", "token"]]
    kinds = cliffs.loc[cliffs["trace_id"].eq(trace_id), ["t", "kind", "confirmed"]]
    frame = frame.merge(texts, on="t", how="left").merge(kinds, on="t", how="left")
    owner = ["trace_id", "model", "dataset", "problem_id", "verdict"]
    return frame.assign(**trace[owner].iloc[0].to_dict())


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """A curve for each trace, and under it the words around its largest drops."""
    trace_ids = list(pd.unique(values["trace_id"]))
    if not trace_ids:
        figure = style.figure(1.5)
        axes = figure.add_subplot()
        axes.set_axis_off()
        style.say_empty(axes, "no trace of this run has a cliff")
        return figure
    frames = [values[values["trace_id"].eq(trace_id)] for trace_id in trace_ids]
    strips = [min(_STRIPS, int(frame["kind"].notna().sum())) for frame in frames]
    heights = [height for lines in strips for height in (1.25, 0.17 * lines + 0.05)]
    figure = style.figure(0.35 + sum(heights) + 0.36 * len(frames))
    grid = figure.subplots(len(heights), 1, height_ratios=heights)
    for axes, below, frame in zip(grid[::2], grid[1::2], frames, strict=True):
        _curve(axes, frame)
        _words(below, frame)
    grid[-2].set_xlabel("position t (tokens)", labelpad=1)
    handles = [
        style.handle(style.KIND_COLORS[kind], style.KIND_MARKERS[kind], "", style.word(kind))
        for kind in style.KIND_COLORS
        if values["kind"].eq(kind).any()
    ]
    line = style.handle(style.FAINT, label="potential before minus threshold")
    verdict = style.handle(style.FAINT, "*", "", "verdict")
    entries = [*handles, style.unconfirmed(), line, verdict]
    figure.legend(handles=entries, loc="outside upper center", ncols=7)
    return figure


def _curve(axes: Axes, frame: pd.DataFrame) -> None:
    t = frame["t"].to_numpy()
    axes.fill_between(
        t, frame["potential_low"], frame["potential_high"], color="#C9D3E3", linewidth=0
    )
    axes.step(t, frame["line"], where="mid", color=style.FAINT, linewidth=0.5)
    axes.plot(t, frame["potential"], color=style.INK, linewidth=0.9)
    end = frame.iloc[-1]
    outcome = "correct" if end["verdict"] == "correct" else "incorrect"
    axes.plot(
        end["t"], end["potential"], "*", color=style.OUTCOME_COLORS[outcome], ms=8, clip_on=False,
        zorder=4,
    )  # fmt: skip
    found = frame.assign(cliff_id=frame["trace_id"] + "@" + frame["t"].astype(str))
    for kind, cliffs in found.groupby("kind"):
        style.cliff_marks(
            axes, cliffs["t"], cliffs["potential"], cliffs, style.KIND_COLORS[kind],
            style.KIND_MARKERS[kind], markersize=4.5, clip_on=False, zorder=5,
        )  # fmt: skip
    title = f"{end['model']} · {end['dataset']} · {end['problem_id']}"
    axes.set_title(title, loc="left", parse_math=False)
    axes.set_title(f"verdict: {end['verdict']}", loc="right", color=style.OUTCOME_COLORS[outcome])
    axes.set(xlim=(0, t[-1]), ylim=(-0.03, 1.03), ylabel="potential")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")


def _words(axes: Axes, frame: pd.DataFrame) -> None:
    axes.set_axis_off()
    cliffs = frame[frame["kind"].notna()].copy()
    potential = frame.set_index("t")["potential"]
    cliffs["drop"] = potential.loc[cliffs["t"] - 1].to_numpy() - cliffs["potential"].to_numpy()
    chosen = cliffs.sort_values(["drop", "t"], ascending=[False, True]).head(_STRIPS)
    for line, row in enumerate(chosen.sort_values("t").itertuples()):
        before = potential.loc[row.t - 1]
        head = f"t = {row.t}  {before:.2f}→{row.potential:.2f}"
        packed = HPacker(
            children=_line(frame, row.t, row.kind, head),
            align="baseline",
            pad=0,
            sep=2.5,
        )
        anchored = AnchoredOffsetbox(
            "upper left",
            child=packed,
            pad=0,
            borderpad=0,
            frameon=False,
            bbox_to_anchor=(0, 1 - line / len(chosen)),
            bbox_transform=axes.transAxes,
        )
        anchored.set_in_layout(False)
        axes.add_artist(anchored)


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
    plain = {"parse_math": False, "fontsize": 6.5}
    marked = {
        "parse_math": False,
        "fontsize": 6.5,
        "fontweight": "bold",
        "color": style.INK,
        "bbox": {
            "facecolor": style.KIND_COLORS[kind],
            "alpha": 0.35,
            "linewidth": 0,
            "boxstyle": "round,pad=0.15",
        },
    }
    return [
        TextArea(f"{head}  ", textprops=plain | {"color": style.FAINT}),
        *(TextArea(shown[at], textprops=marked if at == t else plain)
          for at in range(first, last + 1)),
    ]  # fmt: skip
