"""One trace as a picture: its potential, the rule's line under it, and words of its text.

A token is a cliff when the potential after it falls below the line, which is the potential before
it minus the rule's threshold. The last point is the trace's own verdict, known without rollouts.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from matplotlib.textpath import text_to_path

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

COLUMNS = [
    "trace_id", "model", "dataset", "problem_id", "verdict", "t", "token", "measured",
    "potential", "potential_low", "potential_high", "line", "kind",
    "confirmed",
]  # fmt: skip
_SPACE = 2.5  # points between words
_TEXT = {"parse_math": False, "fontsize": 6.5}


def along_trace(
    trace: pd.Series,
    estimates: pd.DataFrame,
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    test: CliffTest,
    intervals: Intervals,
) -> pd.DataFrame:
    """A row for every prefix 0 .. T of a trace: ``COLUMNS``.

    ``potential`` has its interval beside it, except at the end, which is the verdict
    (``measured`` is false). ``line`` is the potential below which the token is a cliff; ``kind``
    and ``confirmed`` are null where it is none.

    Args:
        trace: the trace.
        estimates: potentials, which the cliffs were found on.
        tokens: every token.
        cliffs: the cliffs, with the word ``confirmed``.
        test: the rule.
        intervals: how intervals are made.
    """
    estimates, tokens, cliffs = (
        rows[rows["trace_id"].eq(trace["trace_id"])] for rows in (estimates, tokens, cliffs)
    )
    rows = estimates.sort_values("t")
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
    frame = frame.merge(tokens[["t", "token"]], on="t", how="left")
    frame = frame.merge(cliffs[["t", "kind", "confirmed"]], on="t", how="left")
    return frame.assign(**trace[COLUMNS[:5]].to_dict())[COLUMNS]


def draw_curve(axes: Axes, frame: pd.DataFrame, x: np.ndarray) -> None:
    """The curve of ``along_trace`` with its marks; ``x`` [rows] says where each prefix stands."""
    axes.fill_between(
        x, frame["potential_low"], frame["potential_high"], color="#C9D3E3", linewidth=0
    )
    axes.step(x, frame["line"], where="mid", color=style.FAINT, linewidth=0.5)
    axes.plot(x, frame["potential"], color=style.INK, linewidth=0.9)
    end = frame.iloc[-1]
    outcome = "correct" if end["verdict"] == "correct" else "incorrect"
    axes.plot(
        x[-1], end["potential"], "*", color=style.OUTCOME_COLORS[outcome], ms=8, clip_on=False,
        zorder=4,
    )  # fmt: skip
    found = frame.assign(cliff_id=frame["trace_id"] + "@" + frame["t"].astype(str), x=x)
    for kind, cliffs in found.groupby("kind"):
        style.cliff_marks(
            axes, cliffs["x"], cliffs["potential"], cliffs, style.KIND_COLORS[kind],
            style.KIND_MARKERS[kind], markersize=4.5, clip_on=False, zorder=5,
        )  # fmt: skip
    title = f"{end['model']} · {end['dataset']} · {end['problem_id']}"
    axes.set_title(title, loc="left", parse_math=False)
    axes.set_title(f"verdict: {end['verdict']}", loc="right", color=style.OUTCOME_COLORS[outcome])
    axes.set(xlim=(x[0], x[-1]), ylim=(-0.03, 1.03), ylabel="potential")
    axes.grid(axis="y")


def marks(frame: pd.DataFrame) -> list[Line2D]:
    """The entries of the legend for what ``draw_curve`` draws of these traces."""
    handles = [
        style.handle(style.KIND_COLORS[kind], style.KIND_MARKERS[kind], "", style.word(kind))
        for kind in style.KIND_COLORS
        if frame["kind"].eq(kind).any()
    ]
    line = style.handle(style.FAINT, label="potential before minus threshold")
    verdict = style.handle(style.FAINT, "*", "", "verdict")
    return [*handles, style.unconfirmed(), line, verdict]


def word(text: str, kind: str | None = None, framed: bool = False) -> TextArea:
    """A word of a trace: a cliff token on the color of its ``kind``, another that counts framed."""
    if kind is None and not framed:
        return TextArea(text, textprops=_TEXT)
    box = {"boxstyle": "round,pad=0.15", "facecolor": "none", "edgecolor": style.INK}
    box["linewidth"] = 0.6
    if kind is not None:
        box |= {"facecolor": style.KIND_COLORS[kind], "alpha": 0.35, "linewidth": 0}
    look = {"fontweight": "bold", "color": style.INK, "bbox": box}
    return TextArea(text, textprops=_TEXT | look)


def aside(text: str) -> TextArea:
    """What is said of the words beside them."""
    return TextArea(text, textprops=_TEXT | {"color": style.FAINT})


def width_of(piece: TextArea) -> float:
    """Points that a piece takes on a line, with the space after it."""
    font = piece._text.get_fontproperties()
    return text_to_path.get_text_width_height_descent(piece.get_text(), font, False)[0] + _SPACE


def write_line(axes: Axes, words: list[TextArea], top: float) -> None:
    """Words side by side, their upper edge at a share of the height of an empty panel."""
    packed = HPacker(children=words, align="baseline", pad=0, sep=_SPACE)
    anchored = AnchoredOffsetbox(
        "upper left",
        child=packed,
        pad=0,
        borderpad=0,
        frameon=False,
        bbox_to_anchor=(0, top),
        bbox_transform=axes.transAxes,
    )
    anchored.set_in_layout(False)
    axes.add_artist(anchored)
