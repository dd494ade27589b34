"""What is asked and what is dropped, counted by data set."""

import pandas as pd

from cliff_tokens import tables
from cliff_tokens.exhibits.table_problems import values

SOURCES = {
    "quiz": {"origin": "my/quiz.csv", "license": "mine"},
    "chains": {"origin": "chains", "license": "MIT"},
}


def test_every_data_set_has_its_counts_and_its_origin():
    problems = pd.DataFrame(
        {"dataset": ["chains", "quiz", "quiz"], "split": ["test", "all", "all"]}
    )
    dropped = pd.DataFrame(
        {"dataset": ["quiz"] * 3, "kind": ["unreadable", "duplicate", "unreadable"]}
    )
    assert values(problems, dropped, SOURCES).to_dict("records") == [
        {
            "dataset": "quiz", "origin": "my/quiz.csv", "split": "all", "asked": 2,
            "unreadable": 2, "duplicates": 1, "license": "mine",
        },
        {
            "dataset": "chains", "origin": "chains", "split": "test", "asked": 1,
            "unreadable": 0, "duplicates": 0, "license": "MIT",
        },
    ]  # fmt: skip


def test_a_run_that_drops_nothing_counts_none():
    problems = pd.DataFrame({"dataset": ["quiz"], "split": ["all"]})
    found = values(problems, tables.empty("dropped"), SOURCES)
    assert found[["unreadable", "duplicates"]].to_numpy().sum() == 0
    assert found["asked"].tolist() == [1, 0]
