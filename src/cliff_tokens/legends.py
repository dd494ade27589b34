"""What the columns of figures and tables mean, with their units: ``legends.csv``.

A row is of the exhibits that it names, or of every one that says nothing else of that column. The
ends of an interval, ``x_low`` and ``x_high``, follow from ``x``.
"""

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_ENDS = {"_low": "lower end of its interval", "_high": "upper end of its interval"}


class LegendError(ValueError):
    """A column that no legend explains."""


class Column(NamedTuple):
    """A column of the values of a figure or table: name, unit and meaning."""

    name: str
    unit: str
    meaning: str


def of_exhibit(exhibit: str, columns: Iterable[str]) -> list[Column]:
    """The legend of an exhibit's columns, in their order; one that is not explained is an error."""
    known, columns = _known(), list(columns)
    legend = []
    for name in columns:
        end = next((e for e in _ENDS if name.endswith(e) and name.removesuffix(e) in columns), "")
        whole = name.removesuffix(end)
        row = known.get((exhibit, whole)) or known.get(("", whole))
        if row is None:
            raise LegendError(
                f"{exhibit}: nothing says what its column {name!r} means; expected a row of it in "
                "src/cliff_tokens/legends.csv"
            )
        unit, meaning = row
        legend.append(Column(name, unit, f"{whole}: {_ENDS[end]}" if end else meaning))
    return legend


@cache
def _known() -> dict[tuple[str, str], tuple[str, str]]:
    """Unit and meaning by exhibit (empty: every one) and column."""
    known = {}
    text = (files("cliff_tokens") / "legends.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        for exhibit in row["exhibits"].split() or [""]:
            key = exhibit, row["column"]
            if key in known:
                raise LegendError(f"legends.csv: {exhibit} explains {row['column']!r} twice")
            known[key] = row["unit"], row["meaning"]
    return known
