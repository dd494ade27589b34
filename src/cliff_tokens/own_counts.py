"""Counts that any model and any tool made, read and checked row by row (docs/own_counts.md).

A row is a prefix of a trace. Nothing is guessed and nothing is filled in: the first cell that
cannot be what its column says is refused by its place, with what was expected.
"""

import csv
import difflib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# What a column may be called; the first is what it is called here.
NAMES = {
    "trace": ("trace", "trace_id"),
    "t": ("t",),
    "successes": ("successes",),
    "rollouts": ("rollouts",),
    "token": ("token",),
    "verdict": ("verdict",),
    "q": ("q", "sampler_probability"),
}
REQUIRED = ("trace", "t", "successes", "rollouts")
# Text and truth values that a verdict may be written as, in lower case.
_RIGHT, _WRONG = ("correct", "true"), ("incorrect", "false")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_QUOTES = 'expected a token that is a quotation mark as four of them, """"'
_MOST = 1_000_000  # of a count; more is a column that was taken for another


class CountsError(ValueError):
    """Counts, or settings, with which no cliff can be detected."""


def read_counts(path: str | Path) -> pd.DataFrame:
    """Checked counts from a csv or parquet file, as ``check_counts`` returns them."""
    path = Path(path)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    try:
        if not path.exists():
            raise CountsError(f"{path}: no such file")
        if path.suffix.lower() not in readers:
            raise CountsError(
                f"{path}: found a file that ends in {path.suffix or path.name!r}; expected .csv or "
                ".parquet"
            )
        frame, place = readers[path.suffix.lower()](path)
    except OSError as error:
        raise CountsError(f"{path}: cannot be read ({error.strerror or error})") from error
    return _check(frame, _Source(str(path), place))


def check_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts under the names of ``NAMES``, sorted by trace (as they came) and t.

    ``attrs["ignored"]`` names the columns that nothing is read from. A CountsError says what a row
    has that it should not.
    """
    if not isinstance(counts, pd.DataFrame):
        raise CountsError(
            f"expected a DataFrame, found {type(counts).__name__}; read_counts reads a file"
        )
    index = counts.index
    return _check(counts, _Source("counts", lambda row: f"the row with index {index[row]}"))


@dataclass(frozen=True)
class _Source:
    """Where counts come from: their name, and how to find a row again."""

    name: str
    place: Callable[[int], str]

    def refuse(self, bad: np.ndarray, column: pd.Series, expected: str) -> None:
        """Refuse the first bad row, if there is one."""
        if np.any(bad):
            row = int(np.argmax(bad))
            self.refuse_row(row, column, f"found {_shown(column.iloc[row])}; expected {expected}")

    def refuse_row(self, row: int, column: pd.Series, what: str) -> None:
        """Refuse this row."""
        raise CountsError(f"{self.name}: {self.place(row)}, column {column.name}: {what}")


def _check(frame: pd.DataFrame, source: _Source) -> pd.DataFrame:
    columns, ignored = _columns(frame, source)
    if frame.empty:
        raise CountsError(f"{source.name}: has no rows; expected one for each prefix of each trace")
    for name, column in columns.items():
        if name != "token":
            absent = "" if name in REQUIRED else f", or no column {column.name}"
            source.refuse(_missing(column), column, f"a value in every row{absent}")
    traces = columns["trace"]
    usable = traces.map(lambda cell: isinstance(cell, (str, int, np.integer)))
    source.refuse(~usable.to_numpy(dtype=bool), traces, "a name or a whole number")
    checked = pd.DataFrame({"trace": traces.to_numpy()})
    checked["t"] = _whole(columns["t"], source, 0, "a whole number of tokens from 0")
    rollouts = _whole(
        columns["rollouts"], source, 1,
        "a whole number of rollouts from 1; a prefix without rollouts has no potential",
    )  # fmt: skip
    successes = _whole(
        columns["successes"], source, 0,
        "a whole number of rollouts from 0 (a share is to be multiplied by the rollouts)",
    )  # fmt: skip
    if (successes > rollouts).any():
        row = int(np.argmax(successes > rollouts))
        source.refuse_row(
            row, columns["successes"],
            f"found {successes[row]}; expected at most the {rollouts[row]} rollouts of this row",
        )  # fmt: skip
    checked["successes"], checked["rollouts"] = successes, rollouts
    code = pd.factorize(checked["trace"])[0]
    order = np.lexsort((np.arange(len(code)), checked["t"], code))
    _check_prefixes(checked, code, order, columns["t"], source)
    if "token" in columns:
        checked["token"] = _tokens(columns["token"], source)
    if "verdict" in columns:
        checked["verdict"] = _verdicts(columns["verdict"], code, source)
    if "q" in columns:
        q = _numbers(columns["q"])
        expected = "a probability in [0, 1]; of a log-probability take the exponential"
        source.refuse(~((q >= 0) & (q <= 1)), columns["q"], expected)
        checked["q"] = q
    checked = checked.iloc[order].reset_index(drop=True)
    checked.attrs["ignored"] = ignored
    return checked


def _columns(frame: pd.DataFrame, source: _Source) -> tuple[dict[str, pd.Series], list[str]]:
    """The columns by their name here, each still called what the file calls it; all other names."""
    there = [str(name).strip() for name in frame.columns]
    columns, lacking = {}, []
    for name, names in NAMES.items():
        found = [place for place, called in enumerate(there) if called in names]
        if len(found) > 1:
            twice = " and ".join(there[place] for place in found)
            raise CountsError(
                f"{source.name}: found the columns {twice}; expected one of them: leave one out"
            )
        if found:
            column = frame.iloc[:, found[0]].reset_index(drop=True).rename(there[found[0]])
            plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"
            columns[name] = column if plain else column.astype(object)
        elif name in REQUIRED:
            lacking.append(name)
    if lacking:
        advice = [_advice(names, there, frame) for name in lacking for names in [NAMES[name]]]
        raise CountsError(
            f"{source.name}: no column {' and no column '.join(lacking)}; found the columns "
            f"{', '.join(map(repr, there))}; expected trace (or trace_id), t, successes, rollouts "
            "and, where known, token, verdict, q (or sampler_probability)"
            f"{''.join(advice)}"
        )
    known = {called for names in NAMES.values() for called in names}
    return columns, [called or "(no name)" for called in there if called not in known]


def _advice(names: Sequence[str], there: list[str], frame: pd.DataFrame) -> str:
    """What would make up for a lacking column, if that can be told."""
    if set(names) & set(frame.index.names):
        return f". {names[0]} is in the index: counts.reset_index() makes it a column"
    lower = {called.lower(): called for called in there}
    near = [close for name in names for close in difflib.get_close_matches(name, lower, 1, 0.75)]
    return f". Is it {lower[near[0]]!r}? Rename it {names[0]}" if near else ""


def _check_prefixes(
    checked: pd.DataFrame, code: np.ndarray, order: np.ndarray, column: pd.Series, source: _Source
) -> None:
    """Refuse a prefix that is there twice, and one that is not there.

    Args:
        checked: trace and t, row by row as they came.
        code: a number for each row's trace.
        order: the rows by trace and t.
        column: t as it came.
        source: of the rows.
    """
    t, ordered = checked["t"].to_numpy()[order], code[order]
    same = ordered[1:] == ordered[:-1]
    again = same & (t[1:] == t[:-1])
    if again.any():
        first, second = order[int(np.argmax(again)) :][:2]
        source.refuse_row(
            second, column,
            f"found prefix {checked['t'][second]} of trace {_shown(checked['trace'][second])} "
            f"again, after {source.place(first)}; expected one row for each prefix (add up what "
            "was drawn in two goes)",
        )  # fmt: skip
    starts = np.flatnonzero(np.append(True, ~same))
    expected = np.arange(len(t)) - np.repeat(starts, np.diff(np.append(starts, len(t))))
    if (t != expected).any():
        place = int(np.argmax(t != expected))
        row = order[place]
        source.refuse_row(
            row, column,
            f"found {t[place]} where trace {_shown(checked['trace'][row])} lacks prefix "
            f"{expected[place]}; "
            "expected every prefix from 0 (the bare prompt) to the trace's last token but one. "
            "A missing prefix is never taken for zero: roll out from it",
        )  # fmt: skip


def _missing(column: pd.Series) -> np.ndarray:
    """Which cells are empty, NaN or blank."""
    blank = column.map(lambda cell: isinstance(cell, str) and not cell.strip())
    return (column.isna() | blank.astype(bool)).to_numpy(dtype=bool)


def _numbers(column: pd.Series) -> np.ndarray:
    """The cells as numbers, NaN where one is none; True is none either."""
    if column.dtype != object:
        return column.to_numpy(dtype=float)
    return np.array([_number(cell) for cell in column], dtype=float)


def _number(cell) -> float:
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell.strip()) else np.nan
    if isinstance(cell, (bool, np.bool_)):
        return np.nan
    if isinstance(cell, np.ndarray):
        return np.nan
    try:
        return float(cell)
    except (TypeError, ValueError):
        return np.nan


def _whole(column: pd.Series, source: _Source, least: int, expected: str) -> np.ndarray:
    """The cells as whole numbers from ``least`` on; 64.0 is one."""
    numbers = _numbers(column)
    source.refuse(~((numbers >= least) & (numbers == np.floor(numbers))), column, expected)
    source.refuse(numbers > _MOST, column, f"at most {_MOST:,}")
    return numbers.astype(np.int64)


def _tokens(column: pd.Series, source: _Source) -> np.ndarray:
    """The tokens as text."""
    source.refuse(
        column.isna().to_numpy(dtype=bool), column,
        'text ("" for an empty token). pandas reads NA and null as nothing: read the file with '
        "keep_default_na=False, or with cliff_tokens.own_counts.read_counts",
    )  # fmt: skip
    source.refuse(
        column.map(lambda cell: isinstance(cell, (bytes, list, dict, np.ndarray))).to_numpy(bool),
        column, "text",
    )  # fmt: skip
    return column.map(str).to_numpy(dtype=object)


def _verdicts(column: pd.Series, code: np.ndarray, source: _Source) -> np.ndarray:
    """The verdicts, one for each trace, as correct or incorrect."""
    known = dict.fromkeys(_RIGHT, "correct") | dict.fromkeys(_WRONG, "incorrect")
    verdicts = column.map(lambda cell: known.get(str(cell).strip().lower()))
    source.refuse(
        verdicts.isna().to_numpy(), column,
        "correct or incorrect (or true, false). Write incorrect where an answer that could not be "
        "read counts as wrong",
    )  # fmt: skip
    values = verdicts.to_numpy(dtype=object)
    first = np.unique(code, return_index=True)[1][code]
    other = values != values[first]
    if other.any():
        row = int(np.argmax(other))
        source.refuse_row(
            row, column,
            f"found {values[row]} where {source.place(first[row])} has {values[first[row]]}; "
            "expected one verdict, that of the whole trace, in all rows of a trace",
        )  # fmt: skip
    return values


def _shown(cell) -> str:
    if isinstance(cell, str):
        return repr(cell) if cell.strip() else "an empty cell"
    return "an empty cell" if pd.api.types.is_scalar(cell) and pd.isna(cell) else str(cell)


def _read_csv(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    """All cells as the text that they are: a token "NA" is one."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CountsError(
            f"{path}: found byte {error.object[error.start]:#04x} at {error.start}, which is not "
            "UTF-8; expected a csv in UTF-8"
        ) from error
    header, records, places = None, [], []
    reader, line, number = csv.reader(io.StringIO(text, newline=""), strict=True), 1, 0
    try:
        for number, record in enumerate(reader, 1):
            # A token may hold line breaks: then a row is not a line.
            place = f"row {number}" if line == number else f"row {number} (line {line})"
            line = reader.line_num + 1
            if not any(cell.strip() for cell in record):
                continue
            if header is None:
                header = _header(record, path)
                continue
            if len(record) != len(header):
                raise CountsError(
                    f"{path}: {place}: found {len(record)} cells; expected {len(header)}, as in "
                    "the header (a token that holds a comma or a quotation mark stands in quotes)"
                )
            # Two tokens that are a bare quotation mark make one cell of all that is between them.
            if any("\n" in cell and cell.count(",") >= len(header) - 1 for cell in record):
                raise CountsError(f"{path}: {place}: found a whole row in quotes; {_QUOTES}")
            records.append(record)
            places.append(place)
    except csv.Error as error:
        raise CountsError(
            f"{path}: row {number + 1} (line {line}): found quotes that do not match ({error}); "
            f"{_QUOTES}"
        ) from error
    if header is None:
        raise CountsError(f"{path}: is empty; expected a header and a row for each prefix")
    return pd.DataFrame(records, columns=header, dtype=object), places.__getitem__


def _header(record: list[str], path: Path) -> list[str]:
    for name, mark in (("semicolons", ";"), ("tabs", "\t")):
        if len(record) == 1 and mark in record[0]:
            raise CountsError(
                f"{path}: row 1: found columns separated by {name}; expected commas. In Python: "
                f"pandas.read_csv({str(path)!r}, sep={mark!r}, keep_default_na=False)"
                f".to_csv('commas.csv', index=False)"
            )
    return record


def _read_parquet(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        known = {called for called_so in NAMES.values() for called in called_so}
        table = file.read(columns=[name for name in names if name in known])
        # What pandas notes of an index would take columns away.
        frame = table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError) as error:
        raise CountsError(f"{path}: not a readable parquet file ({error})") from error
    others = {name: None for name in names if name not in known}
    return frame.assign(**others), lambda row: f"row {row + 1}"
