"""Where points lie on a trace that is read by hand."""

import numpy as np
import pandas as pd
import pytest
from helpers.cuts import traces_of
from helpers.exhibits import INTERVALS, cell

from cliff_tokens.exhibits import table_positions
from cliff_tokens.exhibits.cut_point_positions import POINTS, point_positions
from cliff_tokens.stages.cut_points import CutRules, locate

RULES = CutRules()


def points_by_hand():
    """One trace of 40 tokens: 1.0 up to prefix 9, 0.5 up to 29, 0 after 30.

    Chunks are of two tokens. Tangents: 8 to 10 (a fall of 0.5 at token 10), 28 to 30 (at 30).
    The critical token is 30. Cliffs at 10, at 20 (say) and at 30.
    """
    series = np.array([1.0] * 10 + [0.5] * 20 + [0.0] * 11)
    trace_id = "m/d/p1/0"
    estimates = pd.DataFrame(
        {"trace_id": trace_id, "t": range(1, 41), "before": series[:-1], "after": series[1:]}
    )
    kinds = ["sampled_off", "deterministic", "uncertain"]
    cliffs = pd.DataFrame({"trace_id": trace_id, "t": [10, 20, 30], "kind": kinds})
    traces = traces_of(["p1"])
    located = locate(estimates, traces, cliffs, RULES, seed=1)
    return located, estimates, traces, cliffs, RULES


def test_positions_are_those_of_a_trace_read_by_hand():
    points = point_positions(*points_by_hand()).set_index(["point", "t"])
    found = {point: points.loc[[point]].index.get_level_values("t").tolist() for point in POINTS[:7]
             if point in points.index.get_level_values(0)}  # fmt: skip
    assert found == {
        "first cliff": [10], "cliff": [10, 20, 30], "sampled_off": [10], "deterministic": [20],
        "uncertain": [30], "critical token": [30],
    }  # fmt: skip
    assert points.loc[("first cliff", 10), "distance"] == -20
    assert points.loc[("uncertain", 30), "distance"] == 0
    assert points.loc[("deterministic", 20), "relative"] == 0.5
    assert points.loc[["cliff"], "in_tangent"].tolist() == [True, False, True]
    # Tangents start with their tokens 9 and 29, and each holds a cliff.
    assert points.loc[["tangent"]].index.get_level_values("t").tolist() == [9, 29]
    assert points.loc[["tangent"], "with_cliff"].tolist() == [True, True]


def test_the_table_counts_before_at_and_after():
    frame = table_positions.values(*points_by_hand(), INTERVALS, ["m"])
    row = cell(frame, model="m", point="cliff")
    assert row[["n", "before", "at", "after"]].tolist() == [3, 2, 1, 0]
    assert row["distance"] == pytest.approx(-10)  # -20, -10, 0
    assert row["in_tangent"] == pytest.approx(2 / 3)
    assert (row["lower_quartile"], row["median"]) == (0.375, 0.5)  # of .25, .5, .75
    row = cell(frame, model="m", point="critical token")
    assert row[["n", "before", "at", "after"]].tolist() == [1, 0, 0, 0]  # not against itself
    assert cell(frame, model="m", point="tangent")["with_cliff"] == 1
    empty = cell(frame, model="m", point="other")
    assert empty["n"] == 0
    assert np.isnan(empty[["relative", "median", "in_tangent"]].astype(float)).all()
