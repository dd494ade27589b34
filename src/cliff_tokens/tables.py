"""The tables that stages exchange: parquet files whose columns (``columns.py``) say what they mean.

Rows are sorted by key and keys are unique, so that equal content is equal bytes.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cliff_tokens.columns import TABLES

SCHEMA_REVISION = 1
PLACE = ["trace_id", "t"]  # what identifies a token, a prefix or an estimate
_METADATA_KEY = b"cliff_tokens"


class TableError(ValueError):
    """A file that is not the table it is taken for, or a frame that breaks its schema."""


def write(frame: pd.DataFrame, path: str | Path, name: str, provenance: dict) -> None:
    """Write a frame as the table ``name``: checked, sorted by key, all at once or not at all."""
    table = TABLES[name]
    columns = set(table.schema.names)
    if columns != set(frame.columns):
        raise TableError(
            f"{path}: table {name!r} lacks {sorted(columns - set(frame.columns))} "
            f"and has no place for {sorted(set(frame.columns) - columns)}"
        )
    frame = frame.sort_values(list(table.keys), kind="stable", ignore_index=True)
    repeated = frame.duplicated(list(table.keys))
    if repeated.any():
        example = frame.loc[repeated, list(table.keys)].iloc[0].to_dict()
        raise TableError(f"{path}: table {name!r} has two rows with the key {example}")
    try:
        content = pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False)
    except (ValueError, pa.ArrowTypeError) as error:
        raise TableError(f"{path}: table {name!r}: {error}") from error
    record = {"table": name, "schema_revision": SCHEMA_REVISION, **provenance}
    content = content.replace_schema_metadata(
        {_METADATA_KEY: json.dumps(record, sort_keys=True).encode()}
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        pq.write_table(content, unfinished, compression="zstd")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: str | Path, name: str) -> pd.DataFrame:
    """Read the table ``name``; any other file is an error that says what was found."""
    metadata = read_metadata(path)
    if metadata["table"] != name:
        raise TableError(f"{path}: expected the table {name!r}, found {metadata['table']!r}")
    if metadata["schema_revision"] != SCHEMA_REVISION:
        raise TableError(
            f"{path}: written with schema revision {metadata['schema_revision']}, "
            f"this version reads {SCHEMA_REVISION}; remove the file and run again"
        )
    return _frame(pq.read_table(path, schema=TABLES[name].schema))


def read_all(paths: Iterable[str | Path], name: str) -> pd.DataFrame:
    """Read several files of one table into one frame; no files give no rows."""
    frames = [read(path, name) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else empty(name)


def empty(name: str) -> pd.DataFrame:
    """The table ``name`` without rows."""
    return _frame(TABLES[name].schema.empty_table())


def _frame(table: pa.Table) -> pd.DataFrame:
    """The table in memory, where counts are wide enough to be squared."""
    frame = table.to_pandas()
    short = frame.select_dtypes("int16").columns
    return frame.astype(dict.fromkeys(short, "int64"))


def read_labeled(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Several files of one table, with a column for each wildcard of the job that wrote them.

    The table is what the files say they are; a column that it has already stays as it is. No
    files give a frame without columns.
    """
    frames = []
    for path in paths:
        metadata = read_metadata(path)
        frame = read(path, metadata["table"] if not frames else frames[0].attrs["table"])
        axes = {name: value for name, value in metadata["wildcards"].items() if name not in frame}
        frame = frame.assign(**axes)
        frame.attrs["table"] = metadata["table"]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def read_metadata(path: str | Path) -> dict:
    """What a table records of its making."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except FileNotFoundError:
        raise TableError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{path}: not a readable parquet file ({error})") from error
    if _METADATA_KEY not in metadata:
        raise TableError(f"{path}: a parquet file, but not one that this project wrote")
    return json.loads(metadata[_METADATA_KEY])


def among(frame: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Which rows of a frame have the key of a row of another, bool [rows]."""
    return pd.MultiIndex.from_frame(frame[keys]).isin(pd.MultiIndex.from_frame(others[keys]))


def require(frame: pd.DataFrame, holds: pd.Series | np.ndarray, sentence: str) -> None:
    """Refuse a frame with a row for which something does not hold, naming the first such row.

    ``holds`` is bool [rows]; ``sentence`` says what is wrong and takes the row's columns by name,
    as in "{cliff_id}: has no fresh rollouts".
    """
    lacking = ~np.asarray(holds, dtype=bool)
    if lacking.any():
        raise ValueError(sentence.format(**frame.iloc[int(lacking.argmax())].to_dict()))


def describe() -> str:
    """The data dictionary, in Markdown: docs/data.md."""
    parts = [
        "# Tables\n",
        "Parquet files under `results/<run>/<table>/`. Generated from the schemas in",
        "`src/cliff_tokens/columns.py`; keys are bold, a question mark allows null. `subset/` has",
        "those `traces` and `tokens` that independent rollouts were drawn on (`potential.subset`).",
    ]
    for name, table in TABLES.items():
        parts += [f"\n## {name}\n", "| column | type | meaning |", "|---|---|---|"]
        for field in table.schema:
            shown = f"**{field.name}**" if field.name in table.keys else field.name
            kind = f"{field.type}{'?' if field.nullable else ''}".replace("element: ", "")
            parts.append(f"| {shown} | {kind} | {field.metadata[b'meaning'].decode()} |")
    return "\n".join(parts) + "\n"
