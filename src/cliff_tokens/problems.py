"""The problems of a data set: which questions are asked, and their gold answers."""

import pandas as pd

from cliff_tokens import grading
from cliff_tokens.testbed import problems as testbed


def select(dataset: str, entry: dict, limit: int | None, seed: int) -> pd.DataFrame:
    """Rows of the ``problems`` table for a catalogue entry, at most ``limit`` of them.

    An empty set, a repeated question or a gold answer that does not parse is an error.
    """
    if "generator" not in entry:
        raise ValueError(
            f"config/datasets.yaml: {dataset}: this version cannot fetch problems from the Hub "
            f"({entry['hub']}); it can plan such a run (snakemake -n) and run data sets that "
            "have a generator"
        )
    found = testbed.generate(entry["generator"], entry["split"], entry["problems"], seed)
    found.insert(0, "dataset", dataset)
    return check(found if limit is None else found.head(limit))


def check(problems: pd.DataFrame) -> pd.DataFrame:
    """The same problems, if they can be asked and graded."""
    if problems.empty:
        raise ValueError("problems: the data set is empty; expected at least one problem")
    repeated = problems[problems["question"].duplicated()]
    if len(repeated):
        raise ValueError(f"problems: {repeated['problem_id'].iloc[0]} repeats another's question")
    with grading.Grader() as grader:
        grader.check_gold(problems["answer"])
    return problems
