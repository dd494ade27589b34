"""Numbers and frames as text, against what is written here."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.formatting import (
    format_cells,
    format_html,
    format_markdown,
    format_number,
    write_summary,
)
from cliff_tokens.legends import Column

FRAME = pd.DataFrame(
    {
        "data_set": ["a", np.nan],
        "n": [12, 0],
        "share": [0.5, np.nan],
        "share_low": [0.25, np.nan],
        "share_high": [0.75, np.nan],
        "cost_low": [0.012, 1.0],  # no interval: there is no cost_high
        "cost": [1234.5678, -0.05],
    }
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"), (1, "1.00"), (-2.345, "-2.35"), (999.5, "999.50"), (1000, "1000"),
        (0.1, "0.10"), (0.0996, "0.10"), (0.0994, "0.099"), (0.012, "0.012"), (-0.012, "-0.012"),
        (0.00996, "0.010"), (0.00994, "0.0099"), (0.00001, "0.0000"),
        (None, "–"), (np.nan, "–"), (pd.NA, "–"),
    ],
)  # fmt: skip
def test_two_digits_remain_of_a_small_number(value, text):
    assert format_number(value) == text


def test_bounds_are_folded_into_what_they_bound():
    cells = format_cells(FRAME)
    assert list(cells) == ["data set", "n", "share", "cost low", "cost"]
    assert cells["share"].tolist() == ["0.50 [0.25, 0.75]", "–"]
    assert cells["cost low"].tolist() == ["0.012", "1.00"]
    assert cells["cost"].tolist() == ["1235", "-0.050"]
    assert cells["n"].tolist() == ["12", "0"]  # a count is no measurement
    assert cells["data set"].tolist() == ["a", "–"]


def test_numbers_stand_on_the_right_and_a_cell_is_one_line():
    text = format_markdown(FRAME[["data_set", "n"]].assign(data_set=["a\nb|c", "d"]))
    head, rule, first, second = text.splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["data set", "n"]
    left, right = rule.strip("|").split("|")
    assert left.startswith(":")
    assert right.endswith(":")
    assert "a b\\|c" in first
    assert second.rstrip("| ").endswith(" 0")


def test_a_number_that_is_text_stays_as_it_is_written():
    assert "0.10000" in format_markdown(pd.DataFrame({"version": ["0.10000"]}))


def test_a_page_escapes_what_its_cells_hold():
    page = format_html(FRAME.assign(data_set="<script>"), "Shares", "Two & all")
    assert page.startswith("<!doctype html>")
    assert "<title>Shares</title>" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<p>Two &amp; all</p>" in page
    assert "0.50 [0.25, 0.75]" in page


def test_a_summary_is_written_in_full_and_as_it_is_read(tmp_path):
    csv, md = tmp_path / "s.csv", tmp_path / "s.md"
    write_summary(FRAME, csv, md)
    pd.testing.assert_frame_equal(pd.read_csv(csv), FRAME)
    assert md.read_text(encoding="utf-8") == format_markdown(FRAME) + "\n"


def test_a_summary_stands_between_its_caption_and_the_legend_of_its_columns(tmp_path):
    csv, md = tmp_path / "s.csv", tmp_path / "s.md"
    legend = [Column(name, "count", f"of {name}") for name in FRAME.columns]
    write_summary(FRAME, csv, md, "What this is.", legend)
    text = md.read_text(encoding="utf-8")
    assert text.startswith("What this is.\n\n| ")
    assert "In brackets: the interval" in text
    meanings = text.split("In brackets")[1]
    assert "of cost_low" in meanings  # a column of its own
    assert "of share " in meanings
    assert "of share_low" not in meanings  # which stands in a cell of share
