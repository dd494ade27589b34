"""What the page says: the tables of a run, their records and its configuration, made ready to show.

Nothing is computed here but counts of rows; numbers are formatted as in the tables' Markdown.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cliff_tokens import captions, legends, provenance, scorecard
from cliff_tokens.article.drawing import Drawing
from cliff_tokens.exhibits.style import link
from cliff_tokens.formatting import format_cells, format_interval, format_number
from cliff_tokens.legends import Column
from cliff_tokens.stages.arms import CONFIRMED, IMPOSSIBLE, UNCONFIRMED
from cliff_tokens.terminal import printable

_LONG = 30  # rows from which on a table is folded
_METHODS = "Methods\n-------\n"


class ContentError(ValueError):
    """A run or a text that the page cannot be made of."""


@dataclass(frozen=True)
class Table:
    """A table as text: its columns with their legend, and rows of cells.

    Attributes:
        legend: of the columns that are shown.
        numeric: which of these hold numbers.
        rows: a list of cells for each.
        links: where each row leads, or None.
        words: the word by which each row is filtered, or None.
    """

    legend: list[Column]
    numeric: list[bool]
    rows: list[list[str]]
    links: list[str | None]
    words: list[str | None]

    @property
    def long(self) -> bool:
        """Whether it is folded at first."""
        return len(self.rows) > _LONG


@dataclass(frozen=True)
class Exhibit:
    """A figure or table of the run, with what was said of it and how it was made.

    Attributes:
        name: of its rule, and of its place on the page.
        entry: of the paper index.
        caption: as HTML.
        table: its values; None for a figure.
        drawing: None for a table.
        findings: rows of the scorecard that were read off it, or off its values.
        made: how: command, csv, sha256 and number of inputs.
    """

    name: str
    entry: Mapping
    caption: str
    table: Table | None
    drawing: Drawing | None
    findings: list[Mapping[str, str]]
    made: Mapping[str, str]


def make_table(name: str, frame: pd.DataFrame, links: Sequence[str | None] = ()) -> Table:
    """A frame as text, with intervals in the cells that they belong to.

    ``links`` says where each row leads; none of them does if it is empty.
    """
    cells = format_cells(frame)
    shown = [column for column in frame.columns if column.replace("_", " ") in cells.columns]
    explained = {column.name: column for column in legends.of_exhibit(name, frame.columns)}
    words = frame["word"].astype(str) if "word" in frame else [None] * len(frame)
    return Table(
        legend=[explained[column] for column in shown],
        numeric=[pd.api.types.is_numeric_dtype(frame[column]) for column in shown],
        rows=[[printable(cell) for cell in row] for row in cells.itertuples(index=False)],
        links=list(links) or [None] * len(frame),
        words=list(words),
    )


def make_scorecard(card: pd.DataFrame, index: Mapping[str, dict], made: Collection[str]) -> Table:
    """The scorecard with the word first and the interval beside the estimate.

    Rows lead to the exhibits that they are read off, as far as these are made. Other columns than
    those that are moved here are shown as they come, but for empty ones.
    """
    folded = card.rename(columns={"low": "ours_low", "high": "ours_high"})
    folded["item"] = [_place(name, index) for name in card["item"]]
    first = ["word", "item", "quantity"]
    last = [name for name in ("revision", "became") if name in folded]
    between = [name for name in folded.columns if name not in (*first, *last)]
    empty = [name for name in folded.columns if folded[name].isna().all()]
    targets = [index.get(name, {}).get("target") for name in card["item"]]
    links = [f"#{target}" if target in made else None for target in targets]
    return make_table("scorecard", folded[[*first, *between, *last]].drop(columns=empty), links)


def find_rows(card: pd.DataFrame, item: str) -> list[dict[str, str]]:
    """What the scorecard has measured of an entry: word, what, value and why, as text."""
    rows = []
    for row in card[card["item"].eq(item) & card["ours"].notna()].to_dict("records"):
        value = format_interval(row["ours"], row["low"], row["high"])
        published = "" if pd.isna(row["published"]) else format_number(row["published"])
        rows.append(
            {
                "word": printable(str(row["word"])),
                "what": printable(str(row["quantity"])),
                "value": f"{value}, n = {row['n']}",
                "published": published,
                "why": "" if pd.isna(row["note"]) else printable(row["note"]),
            }
        )
    return rows


def make_exhibits(
    paths: Iterable[str], index: Mapping[str, dict], card: pd.DataFrame, linked: bool
) -> list[Exhibit]:
    """The figures and tables of the run, in the order of the index.

    Args:
        paths: of their csv files; a figure's svg stands beside it.
        index: the paper index.
        card: the scorecard.
        linked: whether there is an explorer that they may lead to.
    """
    by_name = {Path(path).stem: Path(path) for path in paths}
    exhibits = []
    for number, (name, entry) in enumerate(index.items()):
        if entry["target"] != name or name not in by_name:
            continue
        path = by_name[name]
        record = provenance.read(path)
        svg = path.with_suffix(".svg")
        is_figure, values = svg.is_file(), pd.read_csv(path)
        links = values["cliff_id"].map(link) if linked and "cliff_id" in values else ()
        label = f"{entry['number'] or 'Figure'}: {entry['title']}"
        exhibits.append(
            Exhibit(
                name,
                entry,
                captions.to_html(_without_command(record["params"]["caption"])),
                None if is_figure else make_table(name, values, links),
                Drawing(svg, f"f{number}", label, linked) if is_figure else None,
                find_rows(card, name),
                {
                    "command": f"snakemake --cores 1 {name}",
                    "file": str(path),
                    "sha256": record["outputs"][str(path)],
                    "inputs": str(len(record["inputs"])),
                },
            )
        )
    return exhibits


def numbers_of(index: Mapping[str, dict], card: pd.DataFrame, made: Sequence[str]) -> list[dict]:
    """Headline numbers of the paper, which other entries' tables hold, with what was found."""
    return [
        {"name": name, "entry": entry, "target": entry["target"], "findings": find_rows(card, name)}
        for name, entry in index.items()
        if entry["part"] == "number" and entry["target"] in made
    ]


def unmade(index: Mapping[str, dict], made: Sequence[str]) -> list[Mapping]:
    """Entries of the paper that this run makes nothing of, and what they would need."""
    return [entry for entry in index.values() if entry["target"] not in made]


def methods(text: str) -> str:
    """The methods of the report's first page, as HTML."""
    _, heading, rest = text.partition(_METHODS)
    if not heading:
        raise ContentError("workflow/report/workflow.rst: expected a section Methods")
    return captions.to_html(rest)


def words_of(card: pd.DataFrame) -> list[dict]:
    """The words of the scorecard with the number of their rows, and as part of a CSS class."""
    return [
        {"word": row.word, "count": row.rows, "slug": slug(row.word)}
        for row in scorecard.totals(card).itertuples()
        if row.rows
    ]


def slug(word: str) -> str:
    """A word as part of a CSS class."""
    return re.sub(r"[^a-z]+", "-", word.lower()).strip("-")


def totals(frames: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Counts that the text around the tables tells: traces, tokens, cliffs, and what they are."""
    accuracy, cliffs = frames["table_accuracy"], frames["table_cliffs"]
    pooled = accuracy[accuracy["dataset"].eq("all")]
    counted = {name: int(pooled[of].sum()) for name, of in
               {"traces": "n", "correct": "correct", "tokens": "tokens"}.items()}  # fmt: skip
    said = cliffs["confirmed"].value_counts()
    return counted | {
        "cliffs": len(cliffs),
        "incorrect": int(cliffs["outcome"].eq("incorrect").sum()),
        "confirmed": int(said.get(CONFIRMED, 0)),
        "unconfirmed": int(said.get(UNCONFIRMED, 0)),
        "impossible": int(said.get(IMPOSSIBLE, 0)),
    }


def of_the_paper(index: Mapping[str, dict], key: str) -> set[str]:
    """Models or data sets (``key``) that the paper's numbers are of."""
    names = {
        number["where"][name]
        for entry in index.values()
        for number in entry["published"]
        for name in ((key,) if key == "dataset" else (key, "source", "evaluator"))
        if name in number["where"]
    }
    return names - {"all"}


def _place(name: str, index: Mapping[str, dict]) -> str:
    entry = index.get(name, {})
    number = entry.get("number") or ""
    numbered = any(sign.isdigit() for sign in number)  # "Table" and "Abstract" name many
    return number if numbered else entry.get("title") or name


def _without_command(caption: str) -> str:
    """The caption without its last line, which the page has for itself."""
    return caption.split("\n\nMade again by")[0]
