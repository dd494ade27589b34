"""From traces to the folder that a browser opens: index, data files and the page itself.

A page that was opened from disk cannot fetch; it can add ``<script>`` tags. So every data file is a
call with one JSON value, in ASCII and without the letters that would mean something in markup:

| file | holds |
|---|---|
| data/index.js | a column for each thing that is listed, filtered or sorted |
| data/traces-0000.js | whole traces, as many as fit ``CHUNK`` bytes, one at least |
| data/text-0000.js | question and text of some hundred traces, for the search |
"""

import json
import os
import shutil
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from cliff_tokens.explorer.readings import summary

CHUNK = 64_000  # bytes of traces that share a file
TEXTS = 256_000  # letters of text that share a file
_INDEX = "data/index.js"
# Within JSON these stand in strings only. Line separators, which end a script's line, and all
# other letters beyond ASCII are escaped by json.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


class PagesError(ValueError):
    """A folder that cannot be written."""


def write(
    folder: str | Path,
    head: dict,
    traces: Iterable[tuple[dict, str]],
    main: str | None = None,
) -> int:
    """Write the explorer of these traces, all at once or not at all; how many there are.

    Args:
        folder: to write, in place of an explorer that stands there.
        head: what holds for all: title, of (run or counts), rule, confidence.
        traces: each with the text that is searched.
        main: the estimator that is shown first; None for the first that a trace has.
    """
    folder = Path(folder)
    check_folder(folder)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        static = files("cliff_tokens.explorer") / "static"
        shutil.copytree(str(static), unfinished, ignore=shutil.ignore_patterns("__pycache__"))
        (unfinished / "data").mkdir()
        index = _write_data(unfinished, traces)
        if main is not None:
            index["estimators"].remove(main)
            index["estimators"].insert(0, main)
        _receive(unfinished / _INDEX, "index", [encode({**head, **index})])
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)
    except OSError as error:
        raise PagesError(f"{folder}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return len(index["traces"]["id"])


def check_folder(folder: str | Path) -> None:
    """Refuse a folder that holds something other than an explorer, before anything is computed."""
    folder = Path(folder)
    taken = folder.is_file() or (folder.is_dir() and any(folder.iterdir()))
    if taken and not (folder / _INDEX).is_file():
        raise PagesError(
            f"{folder}: there is something else; expected an explorer, which is replaced, or no "
            "such folder. Name another with --out"
        )


def encode(value) -> str:
    """A value as JSON that is safe inside a script, in ASCII."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for letter, escaped in _ESCAPED.items():
        text = text.replace(letter, escaped)
    return text


def _write_data(folder: Path, traces: Iterable[tuple[dict, str]]) -> dict:
    """Write the files of traces and of their text; the index of them."""
    parts, texts = _Files(folder, "traces", CHUNK), _Files(folder, "text", TEXTS)
    index = _Index()
    for trace, text in traces:
        index.add(trace, parts.add(encode(trace)), texts.add(encode(text)))
    parts.close()
    texts.close()
    return index.made()


class _Files:
    """Numbered data files that are filled one after the other."""

    def __init__(self, folder: Path, kind: str, size: int):
        self._folder, self._kind, self._size = folder, kind, size
        self._number, self._parts, self._filled = 0, [], 0

    def add(self, part: str) -> int:
        """The number of the file that the part is put in."""
        if self._parts and self._filled + len(part) > self._size:
            self.close()
            self._number += 1
        self._parts.append(part)
        self._filled += len(part)
        return self._number

    def close(self) -> None:
        """Write what has been added since the last file."""
        if self._parts:
            name = f"{self._kind}-{self._number:04d}"
            _receive(self._folder / "data" / f"{name}.js", name, self._parts, many=True)
        self._parts, self._filled = [], 0


def _receive(path: Path, name: str, parts: list[str], many: bool = False) -> None:
    value = "[\n" + ",\n".join(parts) + "\n]" if many else parts[0]
    path.write_text(f"cliffTokens.receive({json.dumps(name)},{value});\n", encoding="ascii")


class _Index:
    """A column for each thing that is listed, filtered or sorted; names once, as codes."""

    def __init__(self):
        self._names = {"model": {}, "dataset": {}, "verdict": {}}
        self._columns: dict[str, list] = {
            name: [] for name in ("id", *self._names, "problem", "length", "file", "text")
        }
        self._readings: dict[str, list] = {}

    def add(self, trace: dict, file: int, text: int) -> None:
        """Add the row of a trace, and the numbers of the files that it and its text are in."""
        for name in ("id", "problem", "length"):
            self._columns[name].append(trace[name])
        for name, known in self._names.items():
            value = trace.get(name)
            code = -1 if value is None else known.setdefault(value, len(known))
            self._columns[name].append(code)
        self._columns["file"].append(file)
        self._columns["text"].append(text)
        place = len(self._columns["id"]) - 1
        for estimator, reading in trace["readings"].items():
            rows = self._readings.setdefault(estimator, [])
            rows += [None] * (place - len(rows))
            rows.append(summary(reading))

    def made(self) -> dict:
        """The index."""
        count = len(self._columns["id"])
        readings = {
            name: rows + [None] * (count - len(rows)) for name, rows in self._readings.items()
        }
        names = {f"{name}s": list(known) for name, known in self._names.items()}
        return {
            "estimators": list(readings),
            **names,
            "traces": {**self._columns, "readings": readings},
        }
