"""Verdicts and cliffs of traces against numbers counted by hand."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import cell, values

from cliff_tokens import formatting
from cliff_tokens.statistics import wilson


def test_accuracy_counts_verdicts_and_cliffs(given):
    traces, cliffs = given["traces"], given["cliffs"]
    row = cell(values("table_accuracy", given), model="small", dataset="chains")
    own = traces[traces["model"].eq("small") & traces["dataset"].eq("chains")]
    found = cliffs[cliffs["trace_id"].isin(own["trace_id"])]
    correct = int(own["verdict"].eq("correct").sum())
    assert (row["n"], row["correct"], row["cliffs"]) == (12, correct, len(found))
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(wilson(correct, 12, 0.95))
    assert row["share_with_cliff"] == found["trace_id"].nunique() / 12
    tokens = own["token_ids"].map(len).sum()
    assert row["cliffs_per_1000_tokens"] == pytest.approx(1000 * len(found) / tokens)
    assert row["unparsed"] == row["truncated"] == own["verdict"].eq("unparsed").sum()


def test_pooled_rows_add_up(given):
    frame = values("table_accuracy", given)
    counts = ["n", "correct", "unparsed", "cliffs", "tokens"]
    sums = frame[frame["dataset"].ne("all")].groupby("model")[counts].sum()
    pooled = frame[frame["dataset"].eq("all")].set_index("model")[counts]
    pd.testing.assert_frame_equal(sums, pooled.sort_index())


def test_cliffs_of_a_trace_that_is_missing_are_an_error(given):
    traces = given["traces"]
    traces = traces[traces["trace_id"].ne(given["cliffs"]["trace_id"].iloc[0])]
    with pytest.raises(ValueError, match="not among the traces"):
        values("table_accuracy", given, traces=traces)


@pytest.mark.parametrize(
    ("triple", "text"),
    [
        ((0.62, 0.51, 0.72), "0.62 [0.51, 0.72]"),
        ((0.62, np.nan, np.nan), "0.62"),
        ((np.nan, np.nan, np.nan), "–"),
        ((0.0123, 0.0101, 0.0234), "0.012 [0.010, 0.023]"),
        ((0.0, 0.0, 0.2), "0.00 [0.00, 0.20]"),
    ],
)
def test_an_estimate_is_written_with_its_interval(triple, text):
    assert formatting.format_interval(*triple) == text


def test_markdown_has_one_cell_for_a_rate_and_escapes_bars(given):
    frame = values("table_accuracy", given)
    frame["model"] = "a|b"
    lines = formatting.format_markdown(frame).splitlines()
    assert len(lines) == 2 + len(frame)
    assert "share with cliff" in lines[0]
    assert "low" not in lines[0]
    assert "a\\|b" in lines[2]
    assert lines[1].startswith("|:--")
