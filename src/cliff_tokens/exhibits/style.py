"""What all figures share: sizes, one font, and colors that mean the same everywhere.

Figures are made without pyplot, so nothing is global and threads do not meet; ``save`` writes no
dates and salts its ids with a constant, so that equal values give equal bytes. Colors are from
Paul Tol's qualitative schemes, which stay apart in common color-vision deficiencies; no color has
two meanings, and markers or dashes repeat what it says.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, wraps
from pathlib import Path
from urllib.parse import urlencode

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cliff_tokens.stages.arms import CONFIRMED

COLUMN = 3.4  # inches: one column of a two-column page
PAGE = 7.0  # inches: both columns

EXPLORER = "../explorer/index.html"

FEW = 5  # below so many, a value is drawn hollow

INK = "#222222"
FAINT = "#8A8A8A"
GRID = "#E4E4E4"

OUTCOME_COLORS = {"correct": "#4477AA", "incorrect": "#EE6677"}
OUTCOME_MARKERS = {"correct": "o", "incorrect": "s"}
KIND_COLORS = {
    "deterministic": "#332288",
    "uncertain": "#DDAA33",
    "sampled_off": "#EE7733",
    "other": "#999999",
}
KIND_MARKERS = {"deterministic": "s", "uncertain": "o", "sampled_off": "v", "other": "D"}
ARM_COLORS = {
    "del": "#117733",
    "keep": "#882255",
    "control_del": "#44AA99",
    "control_keep": "#AA4499",
}
ARM_DASHES = {"del": "-", "keep": "-", "control_del": (0, (4, 1.5)), "control_keep": (0, (1, 1))}
ARM_MARKERS = {"del": "o", "keep": "s", "control_del": "^", "control_keep": "v"}
# Deletion at the cliff is the arm "del" and looks like it.
METHOD_COLORS = {
    "cliff": ARM_COLORS["del"],
    "critical": "#CC3311",
    "tangent": "#33BBEE",
    "random": "#999933",
    "restart": "#004488",
}
METHOD_DASHES = {
    "cliff": "-",
    "critical": (0, (4, 1.5)),
    "tangent": (0, (1, 1)),
    "random": (0, (4, 1, 1, 1)),
    "restart": (0, (8, 2)),
}
METHOD_MARKERS = {"cliff": "o", "critical": "s", "tangent": "^", "random": "D", "restart": "v"}
ESTIMATOR_COLORS = {
    "independent": "#CC6677",
    "recycled": "#663333",
    "recursive": "#0077BB",
    "adaptive": "#009988",
}
ESTIMATOR_MARKERS = {"independent": "o", "recycled": "D", "recursive": "s", "adaptive": "^"}
# Sets of pairs: a kind's own color where it is one kind, others where it is not.
VARIANT_COLORS = {
    "base": FAINT,
    "all": "#000000",
    "deterministic": KIND_COLORS["deterministic"],
    "uncertain": KIND_COLORS["uncertain"],
    "sampled_off": KIND_COLORS["sampled_off"],
    "uncertain_sampled_off": "#997700",
    "audited": "#225522",
    "flipped": "#AA3377",
    "forks": "#4477AA",
    "random": "#66CCEE",
    "response": "#BB5566",
    "cdpo": "#AA7755",
}
VARIANT_MARKERS = {
    "base": "_",
    "all": "o",
    "deterministic": KIND_MARKERS["deterministic"],
    "uncertain": "o",
    "sampled_off": KIND_MARKERS["sampled_off"],
    "uncertain_sampled_off": "d",
    "audited": "P",
    "flipped": "v",
    "forks": "h",
    "random": "X",
    "response": "^",
    "cdpo": "<",
}
TOKEN_COLORS = {"all": "#BBBBBB", "cliff": "#222255", "control": "#6699CC"}
WORDS = {
    "sampled_off": "sampled-off",
    "uncertain_sampled_off": "uncertain, sampled-off",
    "control_del": "control, deleted",
    "control_keep": "control, kept",
    "del": "deleted",
    "keep": "kept",
}

SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "cliff-tokens",
    "pdf.fonttype": 42,
}


def styled(draw: Callable) -> Callable:
    """Run a function that draws under this module's settings, whatever the caller's are."""

    @wraps(draw)
    def inside(*args, **kwargs):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(SETTINGS)
            return draw(*args, **kwargs)

    return inside


def figure(height: float, width: float = PAGE) -> Figure:
    """An empty figure, in inches; its parts are laid out so that no text overlaps."""
    made = Figure(figsize=(width, height), layout="constrained")
    made.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.03)
    return made


@styled
def save(drawn: Figure, path: str | Path) -> None:
    """Write a figure in the format of the path's suffix: svg, pdf or png."""
    path = Path(path)
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    if path.suffix not in undated:
        raise ValueError(f"{path}: expected .svg, .pdf or .png")
    drawn.savefig(path, metadata=undated[path.suffix])


def word(name: str) -> str:
    """How a kind or an arm is written in a figure."""
    return WORDS.get(name, name)


def wrap(name: str, width: int = 12) -> str:
    """A name on several lines, broken after hyphens, slashes and spaces."""
    lines = [""]
    for part in re.findall(r"[^-/ ]*[-/ ]|[^-/ ]+$", name):
        if lines[-1] and len((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip(" ") for line in lines)


def face(color: str, n: int) -> str:
    """Fill of a marker: hollow where it stands for few."""
    return color if n >= FEW else "white"


def link(cliff_id: str) -> str:
    """Where the explorer shows a cliff, from a folder beside it: figures/ or article/."""
    trace_id, t = cliff_id.rsplit("@", 1)
    return f"{EXPLORER}#{urlencode({'trace': trace_id, 't': t}, safe='/')}"


def cliff_marks(
    axes: Axes,
    x: Iterable[float],
    y: Iterable[float],
    cliffs: pd.DataFrame,
    color: str,
    marker: str,
    **look,
) -> None:
    """A mark for each single cliff, linked to the explorer: hollow unless it is confirmed.

    Args:
        axes: to draw in.
        x: place of each, in data coordinates.
        y: likewise.
        cliffs: ``cliff_id`` and ``confirmed`` of each; null: nothing fresh tells, which is filled.
        color: of them all.
        marker: likewise.
        look: further settings of the marks, as of ``Axes.plot``.
    """
    rows = zip(x, y, cliffs["cliff_id"], cliffs["confirmed"], strict=True)
    look = {"color": color, "markeredgewidth": 0.7, "zorder": 3} | look
    for across, up, cliff_id, confirmed in rows:
        inside = color if pd.isna(confirmed) or confirmed == CONFIRMED else "white"
        axes.plot(
            [across], [up], marker, linestyle="", markerfacecolor=inside, url=link(cliff_id), **look
        )


def unconfirmed() -> Line2D:
    """The legend's entry of hollow cliffs."""
    entry = handle(FAINT, "o", "", "not confirmed")
    entry.set_markerfacecolor("white")
    return entry


def few(what: str) -> Line2D:
    """The legend's entry of hollow markers."""
    entry = handle(FAINT, "o", "", f"fewer than {FEW} {what}")
    entry.set_markerfacecolor("white")
    return entry


def say_none(axes: Axes, x: float, sentence: str) -> None:
    """A place at the foot of a panel says why it has no marker."""
    axes.annotate(
        sentence,
        (x, 0),
        (0, 3),
        textcoords="offset points",
        ha="center",
        rotation=90,
        color=FAINT,
        fontsize=6,
    )


def empty(sentence: str) -> Figure:
    """A figure of nothing, which says why."""
    drawn = figure(1.5)
    axes = drawn.add_subplot()
    axes.set_axis_off()
    say_empty(axes, sentence)
    return drawn


def say_empty(axes: Axes, sentence: str) -> None:
    """An empty panel says why."""
    axes.text(
        0.5,
        0.5,
        wrap(sentence, 18),
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=FAINT,
        fontsize=6.5,
        parse_math=False,
    )


def handle(color: str, marker: str = "", dash: str | tuple = "-", label: str = "") -> Line2D:
    """An entry of a legend."""
    return Line2D([], [], color=color, marker=marker, linestyle=dash, label=label)


def interval(axes: Axes, x: float, low: float, high: float, color: str) -> None:
    """A vertical interval without caps; nothing where there is none.

    Args:
        axes: to draw in.
        x: place of the interval, in data coordinates.
        low: its lower end; NaN: there is no interval.
        high: its upper end.
        color: of the line.
    """
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([x, x], [low, high], color=color, linewidth=1.1, solid_capstyle="butt", zorder=2)


def apart(count: int) -> np.ndarray:
    """Offsets in [-1/2, 1/2) that keep neighbors of a sorted strip apart, the same each time."""
    return (np.arange(count) * 0.6180339887) % 1 - 0.5 if count > 1 else np.zeros(count)


def shown_kinds(kinds: Iterable[str]) -> list[str]:
    """The three kinds of the paper, and ``other`` where it is among these."""
    kinds = set(kinds)
    return [kind for kind in KIND_COLORS if kind != "other" or kind in kinds]


def grid_shape(panels: int, columns: int) -> tuple[int, int]:
    """Rows and columns for so many panels, in rows as even as they can be."""
    rows = -(-panels // columns)
    return rows, -(-panels // rows)


def token_text(token: str, longest: int = 14) -> str:
    """A token as it can be drawn: spaces, breaks and unknown characters become visible."""
    shown = token.strip(" ") or "␣" * min(len(token), 3)
    shown = shown.replace("\r", "").replace("\n", "↵").replace("\t", "⇥")
    shown = "".join(sign if ord(sign) in _drawable() else "□" for sign in shown)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


@cache
def _drawable() -> frozenset[int]:
    path = font_manager.findfont(SETTINGS["font.family"])
    return frozenset(font_manager.get_font(path).get_charmap())
