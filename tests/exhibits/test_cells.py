"""Cells of exhibits: labels and the rows inside, and who owns a row."""

import pandas as pd
import pytest

from cliff_tokens.exhibits.cells import cells, owned


def test_an_axis_that_pools_ends_with_the_values_that_are_listed():
    frame = pd.DataFrame({"model": ["a", "b", "c"], "kind": ["x", "x", "y"]})
    found = [
        (labels, rows["model"].tolist())
        for labels, rows in cells(frame, pooled=["model"], model=["b", "a", "none"], kind=["x"])
    ]
    assert found == [
        ({"model": "b", "kind": "x"}, ["b"]),
        ({"model": "a", "kind": "x"}, ["a"]),
        ({"model": "none", "kind": "x"}, []),
        ({"model": "all", "kind": "x"}, ["a", "b"]),
    ]


def test_rows_are_owned_by_their_trace_whatever_its_id_looks_like():
    traces = pd.DataFrame(
        {
            "trace_id": ["m/d/algebra/7/0", "m/d/algebra/7/1", "anything"],
            "model": "m",
            "dataset": "d",
            "problem_id": ["algebra/7", "algebra/7", "algebra/8"],
        }
    )
    frame = pd.DataFrame({"trace_id": traces["trace_id"][::-1], "dataset": "of the file"})
    rows = owned(frame, traces)
    assert rows["model"].tolist() == ["m"] * 3
    assert rows["cluster"].tolist() == ["d/algebra/8", "d/algebra/7", "d/algebra/7"]
    with pytest.raises(ValueError, match=r"anything: is not among the traces"):
        owned(frame, traces[:2])
