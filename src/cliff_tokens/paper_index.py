"""The paper index: every figure, table and headline number, with what was published of it.

``config/paper_index.yaml`` says of an entry only what its name does not, and
``config/published.csv`` holds the published numbers, a row each: the entry, the quantity, the
columns that select a row of our csv (an empty cell selects nothing), the value, and how many things
a share is of.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cliff_tokens.catalogue import CatalogueError

# Of a published number; every other column of the file selects rows.
_OWN = ("item", "quantity", "value", "n", "quoted_from")
_QUOTED_FROM = ("release", "derived", "paper", "revised")
_LEFT_OUT = {
    "number": None,
    "original_file": None,
    "revision": None,
    "became": None,
    "now": None,
    "claims": (),
    "by_construction": {},
    "selection": {},
    "note": None,
    "needs": None,
}


def complete(entries: Mapping[str, dict], published: Iterable[dict] = ()) -> dict[str, dict]:
    """The entries with all of their keys, and with the published numbers that are of each.

    What an entry does not say follows from its name: ``part`` is the first word, ``target`` the
    whole; ``file`` and ``values`` bear the target's name.
    """
    index = {}
    for name, entry in entries.items():
        target = entry.get("target", name)
        derived = {"part": name.split("_")[0], "target": target, "file": None, "values": None}
        if target is not None:
            drawn = target.startswith(("figure_", "example_"))
            path = f"{'figures' if drawn else 'tables'}/{target}"
            derived |= {"file": f"{path}.{'svg' if drawn else 'md'}", "values": f"{path}.csv"}
        index[name] = derived | _LEFT_OUT | entry | {"published": []}
    for number in published:
        if number["item"] not in index:
            raise CatalogueError(f"published numbers: there is no entry {number['item']!r}")
        index[number["item"]]["published"].append(
            {key: value for key, value in number.items() if key != "item"}
        )
    return index


def read_published(path: str | Path) -> list[dict]:
    """The published numbers: item, quantity, where (column -> text), value, n, quoted_from."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        lacking = set(_OWN) - set(rows.fieldnames or ())
        if lacking:
            raise CatalogueError(f"{path}: missing column {', '.join(sorted(lacking))}")
        return [_number(row, f"{path}, line {rows.line_num}") for row in rows]


def exhibits(index: Mapping[str, dict], kind: str, have: Collection[str]) -> list[str]:
    """Names of the exhibits that a run makes, in the order of the index.

    ``kind`` is figure or table, ``have`` what the run has of the things that entries need.
    """
    return [
        name
        for name, entry in index.items()
        if entry["part"] == kind
        and entry["target"] == name
        and (entry["needs"] is None or entry["needs"] in have)
    ]


def needing(index: Mapping[str, dict], kind: str, need: str) -> list[str]:
    """Names of the exhibits of a kind that need this, in the order of the index."""
    return [name for name in exhibits(index, kind, [need]) if index[name]["needs"] == need]


def _number(row: dict, place: str) -> dict:
    if row["quoted_from"] not in _QUOTED_FROM:
        raise CatalogueError(
            f"{place}: quoted_from: expected one of {', '.join(_QUOTED_FROM)}, "
            f"found {row['quoted_from']!r}"
        )
    try:
        value, n = float(row["value"]), int(row["n"]) if row["n"] else None
    except ValueError as error:
        raise CatalogueError(f"{place}: {error}") from error
    where = {column: text for column, text in row.items() if column not in _OWN and text}
    return {
        "item": row["item"],
        "quantity": row["quantity"],
        "where": where,
        "value": value,
        "n": n,
        "quoted_from": row["quoted_from"],
    }
