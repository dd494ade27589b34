"""Exhibits made from the tables of a run, as ``present`` makes them but without files."""

import inspect
from importlib import import_module

import pandas as pd

from cliff_tokens.stages.audit import audit
from cliff_tokens.stages.cut_points import CutRules
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.masses import find_members, weigh
from cliff_tokens.statistics import Intervals
from helpers import synthetic

INTERVALS = Intervals(confidence=0.95, repetitions=200, seed=1)


def given(run: dict[str, pd.DataFrame]) -> dict:
    """Tables and settings of a synthetic run by the names that exhibits have for them."""
    names = ("candidates", "cliffs", "estimates", "resampling")
    members = find_members(*(run[name] for name in names), synthetic.TEST)
    return run | {
        "members": members,
        "masses": weigh(run["candidates"], members, run["cliffs"]),
        "agreement": synthetic.agreement(run),
        "audit": audit(
            run["cliffs"], run["potential"], run["estimates"], run["resampling"], synthetic.TEST
        ),
        "cut_points": synthetic.cut_points(run),
        "intervals": INTERVALS,
        "test": synthetic.TEST,
        "certain": synthetic.CERTAIN,
        "models": list(run["traces"]["model"].unique()),
        "datasets": list(run["traces"]["dataset"].unique()),
        "pairs": synthetic.pairs_of(run),
        "drops": [0.1, 0.2, 0.3, 0.4],
        "temperatures": [0, 1],
        "rollouts": 64,
        "estimator": "independent",
        "protocol": Protocol(rollouts=64, branches=32, second_round=1.0),
        "rules": CutRules(),
        "examples": 4,
    }


def values(name: str, given: dict, **changed) -> pd.DataFrame:
    """The values of the exhibit of this name."""
    return _call(import_module(f"cliff_tokens.exhibits.{name}").values, given | changed)


def show(name: str, given: dict, **changed):
    """Values and drawing of the figure of this name."""
    exhibit = import_module(f"cliff_tokens.exhibits.{name}")
    frame = _call(exhibit.values, given | changed)
    return frame, _call(exhibit.draw, given | changed | {"values": frame})


def _call(function, given: dict):
    return function(**{name: given[name] for name in inspect.signature(function).parameters})


def cell(frame: pd.DataFrame, **where) -> pd.Series:
    """The one row with these labels."""
    for name, value in where.items():
        frame = frame[frame[name].eq(value)]
    assert len(frame) == 1
    return frame.iloc[0]


def words(figure) -> list[str]:
    """All text of a figure's panels and legends."""
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center", "right")]
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return texts + titles + legends
