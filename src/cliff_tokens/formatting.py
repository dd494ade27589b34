"""Frames as text: every number is formatted here, once.

A column ``x`` that has ``x_low`` and ``x_high`` beside it becomes one cell, 0.62 [0.51, 0.72]. A
value that was not measured is a dash; a value without an interval stands alone.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from cliff_tokens.legends import Column

MISSING = "–"


def format_number(value: float) -> str:
    """Two decimals, more below .1 so that two digits remain, none from 1000; a dash for NaN."""
    if value is None or pd.isna(value):
        return MISSING
    return f"{value:.{_decimals(value)}f}"


def format_interval(value: float, low: float, high: float) -> str:
    """An estimate with its interval, in the decimals of the estimate."""
    if pd.isna(value):
        return MISSING
    decimals = _decimals(value)
    if pd.isna(low) or pd.isna(high):
        return f"{value:.{decimals}f}"
    return f"{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def format_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as strings, with intervals folded into the columns they belong to."""
    bounds = _interval_ends(frame)
    cells = {}
    for column in frame.columns:
        if column in bounds:
            continue
        values = frame[column]
        if f"{column}_low" in bounds:
            triples = zip(values, frame[f"{column}_low"], frame[f"{column}_high"], strict=True)
            text = [format_interval(*triple) for triple in triples]
        elif pd.api.types.is_float_dtype(values):
            text = [format_number(value) for value in values]
        else:
            text = [MISSING if pd.isna(value) else str(value) for value in values]
        cells[_folded(column)] = text
    return pd.DataFrame(cells, dtype=object)


def format_markdown(frame: pd.DataFrame) -> str:
    """The frame as a Markdown table: text to the left, numbers to the right."""
    cells = format_cells(frame)
    numeric = {
        _folded(column) for column in frame.columns if pd.api.types.is_numeric_dtype(frame[column])
    }
    cells = cells.map(lambda text: text.replace("|", "\\|").replace("\n", " "))
    align = ["right" if column in numeric else "left" for column in cells.columns]
    return cells.to_markdown(index=False, disable_numparse=True, colalign=align)


def format_html(frame: pd.DataFrame, title: str, first: str) -> str:
    """The frame as a page of its own, which a report shows where a csv would be downloaded.

    ``first`` is a line of text above it.
    """
    table = format_cells(frame).to_html(index=False, border=0)
    style = (
        "body{font:14px sans-serif;margin:1.5em}table{border-collapse:collapse}"
        "th,td{text-align:left;vertical-align:top;padding:.3em .8em;border-bottom:1px solid #ddd}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style><h1>{title}</h1><p>{escape(first)}</p>{table}</html>\n"
    )


def _interval_ends(frame: pd.DataFrame) -> set[str]:
    """Columns ``x_low`` and ``x_high`` that both stand beside an ``x``."""
    pairs = ({f"{column}_low", f"{column}_high"} for column in frame.columns)
    return {end for pair in pairs if pair <= set(frame.columns) for end in pair}


def _folded(column: str) -> str:
    return column.replace("_", " ")


def _decimals(value: float) -> int:
    size = np.abs(value)
    if size >= 1000:
        return 0
    if size == 0 or size >= 0.0995:
        return 2
    return 3 if size >= 0.00995 else 4


def format_document(frame: pd.DataFrame, caption: str = "", legend: Sequence[Column] = ()) -> str:
    """The frame as a Markdown table between its caption and the legend of its columns.

    Args:
        frame: to show.
        caption: in Markdown.
        legend: of the frame's columns; the ends of intervals, which stand in cells, are left out.
    """
    parts = [caption, format_markdown(frame)]
    ends = _interval_ends(frame)
    shown = [column for column in legend if column.name not in ends]
    if shown:
        rows = pd.DataFrame(
            {
                "column": [_folded(column.name) for column in shown],
                "unit": [column.unit for column in shown],
                "meaning": [column.meaning for column in shown],
            }
        )
        if ends:
            parts.append("In brackets: the interval of the number before them.")
        parts.append(format_markdown(rows))
    return "\n\n".join(filter(None, parts)) + "\n"


def write_summary(
    summary: pd.DataFrame,
    csv: str | Path,
    md: str | Path,
    caption: str = "",
    legend: Sequence[Column] = (),
) -> None:
    """A summary's values in full (csv) and as they are read (Markdown).

    Args:
        summary: to write.
        csv: path of the values.
        md: path of the Markdown.
        caption: what stands above it in Markdown.
        legend: of its columns.
    """
    summary.to_csv(csv, index=False)
    Path(md).write_text(format_document(summary, caption, legend), encoding="utf-8")
