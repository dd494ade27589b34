"""The problems of a data set: which questions are asked, and their gold answers."""

import random
import re

import pandas as pd

from cliff_tokens.stages.extraction import BOX
from cliff_tokens.stages.generators import generate
from cliff_tokens.stages.grading import Grader

_THOUSANDS = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+")


def select(
    dataset: str, entry: dict, limit: int | None, seed: int, rows: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Rows of the ``problems`` table for a catalogue entry, at most ``limit`` of them.

    An empty set, a repeated question or a gold answer that does not parse is an error.

    Args:
        dataset: name of the catalogue entry.
        entry: the entry, from config/datasets.yaml.
        limit: most problems that are taken, from the first on; None takes all.
        seed: of the run; generators draw by it.
        rows: the split of a data set of the Hub, in its order; None for a generator.
    """
    if "generator" in entry:
        problems = generate(entry["generator"], entry["split"], entry["problems"], seed)
    else:
        problems = from_rows(dataset, entry, rows)
    problems.insert(0, "dataset", dataset)
    problems["answer_from"] = entry.get("answer_from", BOX)
    problems["until"] = entry["plain"]["until"] if "plain" in entry else None
    return check(problems if limit is None else problems.head(limit))


def from_rows(dataset: str, entry: dict, rows: pd.DataFrame) -> pd.DataFrame:
    """The problems that a catalogue entry picks from a split, in the split's order."""
    place = f"config/datasets.yaml: {dataset}"
    columns = {key: entry[key] for key in ("question", "answer", "level") if key in entry}
    for key, column in columns.items():
        if column not in rows:
            raise ValueError(
                f"{place}: {key}: {entry['hub']} has no column {column!r} in its split "
                f"{entry['split']}; it has {', '.join(rows)}"
            )
        if rows[column].isna().any():
            row = int(rows[column].isna().to_numpy().argmax())
            raise ValueError(f"{place}: row {row} of {entry['hub']} has no {column}")
    levels = rows[entry["level"]].map(_level) if "level" in entry else None
    kept = rows.iloc[choose(entry["subset"], len(rows), levels, place)]
    return pd.DataFrame(
        {
            "problem_id": [f"{row:05d}" for row in kept.index],
            "question": kept[entry["question"]].astype(str),
            "answer": [gold(str(text), entry.get("after")) for text in kept[entry["answer"]]],
            "level": pd.array([None] * len(kept) if levels is None else levels[kept.index], "Int8"),
            "split": entry["split"],
            "source_row": kept.index,
        }
    ).reset_index(drop=True)


def choose(subset: dict, size: int, levels: pd.Series | None, place: str) -> list[int]:
    """Rows of a split of ``size`` that a catalogue's ``subset`` means, in order.

    ``uniform`` is Python's ``random.sample`` with the subset's seed. ``by_level`` gives each level
    its share of the sample, rounded by largest remainders (of equal ones the harder level's
    first), and draws within each level from a generator that begins with the same seed, as the
    paper's released code does. 100 of MATH500 are 8, 18, 21, 26 and 27 of levels 1 to 5.
    ``place`` names the catalogue entry in errors.
    """
    if subset["rule"] == "all":
        return list(range(size))
    count = subset["problems"]
    if count > size:
        raise ValueError(f"{place}: subset: expected at most {size} problems, found {count}")
    if subset["rule"] == "uniform":
        return sorted(random.Random(subset["seed"]).sample(range(size), count))
    chosen = []
    for level, share in shares(levels.value_counts().to_dict(), count).items():
        rows = levels.index[levels == level].tolist()
        chosen += random.Random(subset["seed"]).sample(rows, share)
    return sorted(chosen)


def shares(sizes: dict[int, int], count: int) -> dict[int, int]:
    """``count`` divided in proportion to ``sizes`` (level -> problems), whole numbers."""
    total = sum(sizes.values())
    parts = {level: sizes[level] * count // total for level in sorted(sizes)}
    remainders = sorted(sizes, key=lambda level: (sizes[level] * count % total, level))
    for level in remainders[len(sizes) - (count - sum(parts.values())) :]:
        parts[level] += 1
    return parts


def gold(text: str, after: str | None) -> str:
    """A gold answer as it is graded: what follows the last ``after``, no thousands separators."""
    if after is not None:
        _, separator, text = text.rpartition(after)
        if not separator:
            raise ValueError(f"problems: expected {after!r} before the gold answer, found {text!r}")
    text = text.strip()
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _level(value: object) -> int:
    """The number of a level, written as 3 or as "Level 3"."""
    digits = re.fullmatch(r"(?:Level )?([0-9]+)", str(value))
    if digits is None:
        raise ValueError(f"problems: expected a level such as 3 or 'Level 3', found {value!r}")
    return int(digits[1])


def check(problems: pd.DataFrame) -> pd.DataFrame:
    """The problems unchanged, if all can be asked and graded; else an error."""
    if problems.empty:
        raise ValueError("problems: the data set is empty; expected at least one problem")
    repeated = problems[problems["question"].duplicated()]
    if len(repeated):
        raise ValueError(f"problems: {repeated['problem_id'].iloc[0]} repeats another's question")
    with Grader() as grader:
        grader.check_gold(problems["answer"])
    return problems
