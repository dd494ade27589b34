"""Traces that start at potential zero, and their cliffs."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import INTERVALS, cell

from cliff_tokens.exhibits.table_boundary import values
from cliff_tokens.stages.estimators import Protocol

PROTOCOL = Protocol(rollouts=16, branches=64, second_round=1.0)


def outset_by_hand():
    """Four traces of data set d: potentials at the prompt, verdicts and cliffs as listed."""
    listed = {"p1": (0.0, "incorrect", 0), "p2": (0.0, "incorrect", 1), "p3": (0.5, "incorrect", 2)}
    listed |= {"p4": (0.25, "correct", 0)}
    names = [f"m/d/{name}/0" for name in listed]
    traces = pd.DataFrame(
        {
            "trace_id": names, "model": "m", "dataset": "d", "problem_id": list(listed),
            "verdict": [row[1] for row in listed.values()], "finish": "stop",
            "token_ids": [[1, 2]] * 4,
        }
    )  # fmt: skip
    estimates = pd.concat(
        pd.DataFrame({"trace_id": name, "t": [1, 2], "before": [row[0], 0.75]})
        for name, row in zip(names, listed.values(), strict=True)
    )
    cliffs = pd.DataFrame({"trace_id": np.repeat(names, [row[2] for row in listed.values()])})
    return estimates, traces, cliffs


def test_the_boundary_counts_traces_that_start_at_zero_and_their_cliffs():
    estimates, traces, cliffs = outset_by_hand()
    frame = values(estimates, traces, cliffs, "recursive", PROTOCOL, INTERVALS, ["m"], ["d"])
    row = cell(frame, dataset="d")
    assert (row["n"], row["at_zero"], row["incorrect"]) == (4, 2, 3)
    assert row["outset"] == pytest.approx((0.5 + 0.25) / 4)
    assert (row["cliffs_at_zero"], row["cliffs_elsewhere"]) == (1, 2)
    assert (row["cliffs_per_trace_at_zero"], row["cliffs_per_trace_elsewhere"]) == (0.5, 1)
    # p1 alone is incorrect without a cliff.
    assert (row["without_cliff"], row["share_without_cliff"]) == (1, pytest.approx(1 / 3))
    # Wilson, none of n: z2 / (n + z2), with z2 = 1.96 ** 2 = 3.84.
    assert row["zero_high"] == pytest.approx(3.8415 / (64 + 3.8415), rel=1e-4)
    again = values(
        estimates, traces.iloc[::-1], cliffs, "recursive", PROTOCOL, INTERVALS, ["m"], ["d"]
    )
    pd.testing.assert_frame_equal(frame, again)


def test_the_boundary_of_a_cell_without_traces_is_not_measured():
    args = *outset_by_hand(), "recursive", PROTOCOL, INTERVALS
    frame = values(*args, models=["m", "none"], datasets=["d", "e"])
    for where in ({"model": "none", "dataset": "d"}, {"model": "m", "dataset": "e"}):
        row = cell(frame, **where)
        assert (row["n"], row["at_zero"], row["cliffs_at_zero"]) == (0, 0, 0)
        assert np.isnan(
            [row["outset"], row["share_at_zero"], row["cliffs_per_trace_elsewhere"]]
        ).all()


def test_a_trace_without_an_estimate_at_the_prompt_is_refused_by_name():
    estimates, traces, cliffs = outset_by_hand()
    lacking = estimates[estimates["trace_id"].ne("m/d/p3/0") | estimates["t"].ne(1)]
    with pytest.raises(ValueError, match="m/d/p3/0: has no estimate at the bare prompt"):
        values(lacking, traces, cliffs, "recursive", PROTOCOL, INTERVALS, ["m"], ["d"])
