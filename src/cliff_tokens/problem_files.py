"""Files of problems: JSON Lines, JSON, CSV and parquet, read as they are written.

Nothing is guessed: a cell of a CSV is the text that it is, "NA", "007" and "1,234" included, and a
number keeps its digits. What cannot be read is refused by its place in the file.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


class ProblemError(ValueError):
    """Problems that cannot be read, or not be asked."""


def read(path: str | Path, sha256: str | None = None) -> pd.DataFrame:
    """The records of a file, a column for each name, in the file's order; cells as written.

    The index says where each record stands, as an editor counts: "line 2" of JSON Lines and CSV,
    "item 1" of a JSON list; of parquet "row 0", the first. Cells are text, numbers (those of JSON
    as int and Decimal, exact), lists or None; a name that a record lacks is NaN there. ``sha256``
    is that of the file, in 64 hexadecimal digits; None checks nothing.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path, bytes], pd.DataFrame]] = {
        ".jsonl": _read_lines, ".json": _read_list, ".csv": _read_csv, ".parquet": _read_parquet,
    }  # fmt: skip
    if path.suffix not in readers:
        raise ProblemError(f"{path}: expected a file that ends in {', '.join(readers)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read ({error.strerror})") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise ProblemError(
            f"{path}: expected the sha256 {sha256}, found {found}; bring the file back, or write "
            "the hash that was found in its entry of config/datasets.yaml"
        )
    records = readers[path.suffix](path, content)
    if records.empty:
        raise ProblemError(f"{path}: holds no problem; expected at least one")
    return records


def _read_lines(path: Path, content: bytes) -> pd.DataFrame:
    places, records = [], []
    # Not splitlines: a string of JSON may hold other ends of lines as they are.
    for number, line in enumerate(_decode(path, content).split("\n"), 1):
        if line.strip():
            places.append(f"line {number}")
            records.append(_parse(line, path, places[-1]))
    return _frame(records, places, path, "a JSON list is read from a file that ends in .json")


def _read_list(path: Path, content: bytes) -> pd.DataFrame:
    advice = "one object a line is read from a file that ends in .jsonl"
    try:
        records = _parse(_decode(path, content), path)
    except ProblemError as error:
        raise ProblemError(f"{error}; {advice}") from error
    if not isinstance(records, list):
        raise ProblemError(f"{path}: expected a list of objects, found {_kind(records)}; {advice}")
    return _frame(records, [f"item {number}" for number in range(1, len(records) + 1)], path)


def _read_csv(path: Path, content: bytes) -> pd.DataFrame:
    # A line break inside a cell is the same whichever end of line the file has.
    text = io.StringIO(_decode(path, content), newline=None).getvalue()
    reader, header, places, records = csv.reader(io.StringIO(text), strict=True), None, [], []
    line = 1
    try:
        for record in reader:
            place, line = f"line {line}", reader.line_num + 1
            if not any(cell.strip() for cell in record):
                continue
            if header is None:
                header = _header(record, path)
            elif len(record) != len(header):
                raise ProblemError(
                    f"{path}: {place}: expected {len(header)} cells, as in the header, found "
                    f"{len(record)}; a cell that holds a comma stands in double quotes"
                )
            else:
                places.append(place)
                records.append(record)
    except csv.Error as error:
        raise ProblemError(
            f"{path}: line {line}: {error}; expected cells with commas, line breaks or quotes in "
            'double quotes, and a double quote inside them twice ("")'
        ) from error
    return pd.DataFrame(records, columns=header, index=places, dtype=object)


def _header(record: list[str], path: Path) -> list[str]:
    header = [cell.strip() for cell in record]
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise ProblemError(f"{path}: the header has the column {repeated[0]!r} twice")
    for name, mark in (("semicolons", ";"), ("tabs", "\t")):
        if len(record) == 1 and mark in record[0]:
            raise ProblemError(f"{path}: columns are separated by {name}; expected commas")
    return header


def _read_parquet(path: Path, content: bytes) -> pd.DataFrame:
    try:
        table = pq.read_table(pa.BufferReader(content))
        # What pandas notes of an index would take columns away; null makes no float of an integer.
        frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    except (pa.ArrowException, ValueError) as error:
        raise ProblemError(f"{path}: not a readable parquet file ({error})") from error
    return frame.set_axis([f"row {number}" for number in range(len(frame))])


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ProblemError(
            f"{path}: line {line}: byte {error.start} is {content[error.start]:#04x}, which is not "
            "UTF-8; expected a file in UTF-8: save it so"
        ) from error


def _parse(text: str, path: Path, place: str | None = None) -> Any:
    """JSON whose numbers keep their digits and whose keys occur once."""
    try:
        return json.loads(text, parse_int=_whole, parse_float=Decimal, object_pairs_hook=_mapping)
    except json.JSONDecodeError as error:
        where = place or f"line {error.lineno}"
        raise ProblemError(f"{path}: {where}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ProblemError(": ".join(filter(None, [str(path), place, str(error)]))) from error


def _whole(digits: str) -> int | Decimal:
    """A whole number; int refuses very long ones."""
    return int(digits) if len(digits) < 4000 else Decimal(digits)


def _mapping(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} occurs twice")
    return found


def _frame(records: list, places: list[str], path: Path, advice: str = "") -> pd.DataFrame:
    for place, record in zip(places, records, strict=True):
        if not isinstance(record, dict):
            raise ProblemError(
                f"{path}: {place}: expected an object with a question and an answer, found "
                f"{_kind(record)}{f'; {advice}' if advice and isinstance(record, list) else ''}"
            )
    columns = dict.fromkeys(name for record in records for name in record)
    return pd.DataFrame(records, index=places, columns=[*columns], dtype=object)


def _kind(value: Any) -> str:
    """What a value of JSON is, in words."""
    if isinstance(value, dict):
        return f"an object with {_listed(value)}"
    return "a list" if isinstance(value, list) else repr(value)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "no keys"
