"""Frames as text: every number is formatted here, once.

A column ``x`` that has ``x_low`` and ``x_high`` beside it becomes one cell, 0.62 [0.51, 0.72]. A
value that was not measured is a dash; a value without an interval stands alone.
"""

from pathlib import Path

import numpy as np
import pandas as pd

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
    bounds = {
        bound
        for column in frame.columns
        for bound in (f"{column}_low", f"{column}_high")
        if {f"{column}_low", f"{column}_high"} <= set(frame.columns)
    }
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
        cells[column.replace("_", " ")] = text
    return pd.DataFrame(cells, dtype=object)


def format_markdown(frame: pd.DataFrame) -> str:
    """The frame as a Markdown table: text to the left, numbers to the right."""
    cells = format_cells(frame)
    numeric = {
        column.replace("_", " ")
        for column in frame.columns
        if pd.api.types.is_numeric_dtype(frame[column])
    }
    cells = cells.map(lambda text: text.replace("|", "\\|").replace("\n", " "))
    align = ["right" if column in numeric else "left" for column in cells.columns]
    return cells.to_markdown(index=False, disable_numparse=True, colalign=align)


def format_html(frame: pd.DataFrame, title: str, line: str) -> str:
    """The frame below a line, as a page that a report shows where a csv would be downloaded."""
    table = format_cells(frame).to_html(index=False, border=0)
    style = (
        "body{font:14px sans-serif;margin:1.5em}table{border-collapse:collapse}"
        "th,td{text-align:left;vertical-align:top;padding:.3em .8em;border-bottom:1px solid #ddd}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style><h1>{title}</h1><p>{line}</p>{table}</html>\n"
    )


def _decimals(value: float) -> int:
    size = np.abs(value)
    if size >= 1000:
        return 0
    if size == 0 or size >= 0.0995:
        return 2
    return 3 if size >= 0.00995 else 4


def write_summary(
    summary: pd.DataFrame, csv: str | Path, md: str | Path, line: str | None = None
) -> None:
    """A summary's values in full (csv) and as they are read (Markdown), there below a line."""
    summary.to_csv(csv, index=False)
    above = f"{line}\n\n" if line else ""
    Path(md).write_text(f"{above}{format_markdown(summary)}\n", encoding="utf-8")
