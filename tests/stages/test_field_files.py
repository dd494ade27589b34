"""Files as the field has them: no gold is accepted that no answer can reach.

The samples in tests/data/problems are ours, in the schema of the file that each is named after; a
column ``plain`` holds the plainest right answer of each problem, and nothing where there is none.
Whole files are asked where the folder CLIFF_TOKENS_FIELD_FILES has them, under these names.
"""

import os
import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from helpers.repository import ROOT

from cliff_tokens.problem_files import read
from cliff_tokens.stages import problems
from cliff_tokens.stages.grading import Grader

SAMPLES = ROOT / "tests/data/problems"
FIELD_FILES = os.environ.get("CLIFF_TOKENS_FIELD_FILES")
DROP = {"unreadable": "drop", "duplicates": "drop"}
# How each file is read.
ENTRIES = {
    "gsm8k.jsonl": {"question": "question", "answer": "answer", "after": "####"},
    "math500.jsonl": {
        "question": "problem",
        "answer": "answer",
        "level": "level",
        "subset": {"rule": "by_level", "problems": 12, "seed": 1},
    },
    "svamp.json": {"question": ["Body", "Question"], "answer": "Answer"},
    "asdiv.jsonl": {"question": ["body", "question"], "answer": "answer"},
    "gsmhard.jsonl": {"question": "input", "answer": "target"},
    "olympiadbench.jsonl": {"question": "question", "answer": "final_answer", "answers": "all"},
    "mawps.csv": {"question": "Question", "answer": "Answer"},
}
# Problems that are asked, unreadable and duplicate. Answers with units may be either.
COUNTS = {
    "gsm8k.jsonl": (8, 2, 0),
    "math500.jsonl": (12, 0, 0),
    "svamp.json": (8, 0, 0),
    "asdiv.jsonl": None,
    "gsmhard.jsonl": (8, 3, 0),
    "olympiadbench.jsonl": (7, 2, 0),
    "mawps.csv": (7, 1, 1),
}


def selected(path: Path, entry: dict) -> tuple[pd.DataFrame, problems.Selection]:
    """The records of a file, and what is asked and dropped of it."""
    entry = {**entry, **DROP, "file": str(path)}
    rows = read(path)
    return rows, problems.select("field", entry, None, seed=1, rows=rows)


def unreachable(asked: pd.DataFrame, plain: list[str]) -> list[tuple[str, str]]:
    """Golds for which the plainest right answer is not correct, with that answer."""
    pairs = list(zip(asked["answer"], plain, strict=True))
    with Grader(workers=2, deadline=5) as grader:
        verdicts = grader.grade(pairs)
    return [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict != "correct"]


@pytest.mark.parametrize("name", ENTRIES)
def test_of_a_sample_all_that_can_be_reached_is_asked_and_nothing_else(name):
    rows, (asked, dropped) = selected(SAMPLES / name, ENTRIES[name])
    plain = [text or None for text in rows["plain"]]
    assert len(asked) + len(dropped) == len(rows)
    assert unreachable(asked, [plain[row] for row in asked["source_row"]]) == []
    counts = tuple((dropped["kind"] == kind).sum() for kind in ("unreadable", "duplicate"))
    if COUNTS[name] is not None:
        assert (len(asked), *counts) == COUNTS[name]
        lost = dropped.loc[dropped["kind"] == "unreadable", "source_row"]
        assert [plain[row] for row in lost] == [None] * len(lost)


def test_a_table_in_parquet_is_read_as_its_lines_are(tmp_path):
    entry = ENTRIES["gsmhard.jsonl"]
    frame = pd.DataFrame({"input": ["a?", "b?", "c?"], "target": [2e-05, 145.0, -0.0]})
    frame.to_parquet(tmp_path / "gsmhard.parquet")
    _, (asked, _) = selected(tmp_path / "gsmhard.parquet", entry)
    assert asked["answer"].tolist() == ["0.00002", "145", "0"]
    frame = pd.DataFrame({"question": ["a?", "b?"], "final_answer": [["2", "5"], ["7"]]})
    frame.to_parquet(tmp_path / "olympiadbench.parquet")
    entry = ENTRIES["olympiadbench.jsonl"] | {"answers": "any"}
    _, (asked, _) = selected(tmp_path / "olympiadbench.parquet", entry)
    assert asked["answer"].tolist() == ["2\n5", "7"]


def plainest(cell) -> str:
    """What a model would write for a gold: no work before it, no unit behind it, no dollars."""
    if isinstance(cell, list):
        return ", ".join(map(plainest, cell))
    if isinstance(cell, int | Decimal):
        return f"{Decimal(cell):f}"
    text = str(cell).rpartition("####")[2].strip()
    return re.sub(r"^(-?[\d.,:/]+) \(.*\)$|(?<!\\)\$", r"\1", text).strip()


# Entries of whole files: how they are read, but for samples that they are too large for.
WHOLE = {
    **{name: entry for name, entry in ENTRIES.items() if name != "math500.jsonl"},
    "math500.jsonl": {"question": "problem", "answer": "answer"},
    "mawps.jsonl": {"question": "input", "answer": "target"},
    "amc23.jsonl": {"question": "question", "answer": "answer"},
    "aime24.jsonl": {"question": "question", "answer": "answer"},
    "college_math.jsonl": {"question": "question", "answer": "answer"},
}


@pytest.mark.parametrize("name", WHOLE)
def test_of_a_whole_file_no_gold_is_accepted_that_cannot_be_reached(name):
    if FIELD_FILES is None or not Path(FIELD_FILES, name).is_file():
        pytest.skip(f"needs {name} in the folder that CLIFF_TOKENS_FIELD_FILES names")
    rows, (asked, dropped) = selected(Path(FIELD_FILES, name), WHOLE[name])
    cells = rows[WHOLE[name]["answer"]]
    plain = [plainest(cells.iloc[row]) for row in asked["source_row"]]
    missed = unreachable(asked, plain)
    counts = dropped["kind"].value_counts().to_dict()
    print(f"{name}: {len(asked)} of {len(rows)} asked, dropped {counts}")
    assert missed == []
