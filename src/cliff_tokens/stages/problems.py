"""The problems of a data set: which questions are asked, and their gold answers."""

import difflib
import random
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cliff_tokens.catalogue import origin
from cliff_tokens.problem_files import ProblemError
from cliff_tokens.stages.extraction import BOX, LONGEST_ANSWER
from cliff_tokens.stages.generators import generate
from cliff_tokens.stages.grading import Grader

_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+")
_PATIENCE = 20  # seconds in which a gold answer has to be proven
_SHOWN = 5  # of the problems that are refused
_WIDE = 100  # characters of an answer in an error
UNREADABLE, DUPLICATE = "unreadable", "duplicate"


class Selection(NamedTuple):
    """Rows of the tables ``problems`` and ``dropped``: what is asked, and what was left out."""

    asked: pd.DataFrame
    dropped: pd.DataFrame


def select(
    dataset: str, entry: dict, limit: int | None, seed: int, rows: pd.DataFrame | None = None
) -> Selection:
    """The problems of a catalogue entry, at most ``limit`` of them, and those that are dropped.

    Problems are chosen by the entry's ``subset`` and ``limit``, and then proven: a problem without
    question or gold answer, or whose gold no answer can reach, and a question that was asked
    before are errors, unless the entry drops them. That nothing is left is an error.

    Args:
        dataset: name of the catalogue entry.
        entry: the entry, from config/datasets.yaml.
        limit: most problems that are taken, from the first on; None takes all.
        seed: of the run; generators draw by it.
        rows: the records of a file or of a split of the Hub, in their order; None for a
            generator. The index says what a record is called in errors.
    """
    place = f"config/datasets.yaml: {dataset}"
    if "generator" in entry:
        skip = entry.get("skip", 0)
        chosen = generate(entry["generator"], entry["split"], entry["problems"], seed, skip)
        chosen = chosen.assign(row=chosen["problem_id"], written=chosen["answer"], reason=None)
    else:
        chosen = from_rows(entry, rows, place)
    chosen.insert(0, "dataset", dataset)
    chosen["answer_from"] = entry.get("answer_from", BOX)
    chosen["until"] = entry["plain"]["until"] if "plain" in entry else None
    return prove(chosen if limit is None else chosen.head(limit), entry, place)


def from_rows(entry: dict, rows: pd.DataFrame, place: str) -> pd.DataFrame:
    """The problems that a catalogue entry picks from records, in their order, not yet proven.

    Beside columns of the ``problems`` table: ``row``, what the record is called, ``written``, its
    gold answer as it stands there, and ``reason``, why it cannot be asked (None: nothing yet).
    """
    source = origin(entry)
    parts = [entry["question"]] if isinstance(entry["question"], str) else entry["question"]
    named = [("question", part) for part in parts]
    named += [(key, entry[key]) for key in ("answer", "level") if key in entry]
    for key, column in named:
        if column not in rows:
            raise ProblemError(
                f"{place}: {key}: {source} has no column {column!r}"
                f"{' in its split ' + entry['split'] if 'hub' in entry else ''}; it has "
                f"{', '.join(map(repr, rows))}{_near(column, rows)}"
            )
    names = [row if isinstance(row, str) else f"row {row}" for row in rows.index]
    rows = rows.reset_index(drop=True)
    golds = rows[entry["answer"]]
    _check_lists(entry.get("answers"), golds, names, f"{place}: answers: {source}")
    levels = None
    if "level" in entry:
        cells = zip(rows[entry["level"]], names, strict=True)
        levels = pd.Series(
            [_level(cell, f"{place}: level: {source}: {row}") for cell, row in cells]
        )
    kept = choose(entry.get("subset", {"rule": "all"}), len(rows), levels, place)
    found = []
    for number in kept:
        question, answer, reason = rows[parts[-1]][number], None, None
        try:
            question = " ".join(_question(rows[part][number]) for part in parts)
            answer = gold(golds[number], entry.get("after"), entry.get("answers"))
        except ProblemError as error:
            reason = str(error)
        found.append((names[number], question, answer, reason))
    chosen = pd.DataFrame(found, columns=["row", "question", "answer", "reason"], dtype=object)
    return chosen.assign(
        problem_id=[f"{number:05d}" for number in kept],
        written=[None if _is_absent(golds[number]) else str(golds[number]) for number in kept],
        level=pd.array([None] * len(kept) if levels is None else levels[kept], "Int8"),
        split=entry.get("split", "all"),
        source_row=kept,
    )


def prove(chosen: pd.DataFrame, entry: dict, place: str) -> Selection:
    """Part what can be asked and graded from what cannot, or refuse it by its rows.

    Every gold has to be reachable by its plainest right answer, and no question (but for blanks
    around it) is asked twice: of equal ones the first that can be asked stays. ``chosen`` is as
    ``from_rows`` gives it; ``place`` names the catalogue entry in errors.
    """
    # Patient: what is asked must not depend on how busy the machine is.
    with Grader(deadline=_PATIENCE) as grader:
        unreachable = grader.ungradable(chosen.loc[chosen["reason"].isna(), "answer"])
    reasons = [
        f"answer {_shorten(row.written)!r}: {unreachable[row.answer]}"
        if row.reason is None and row.answer in unreachable
        else row.reason
        for row in chosen.itertuples()
    ]
    whole = pd.isna(pd.Series(reasons, index=chosen.index, dtype=object))
    unreadable = chosen.assign(reason=reasons, kind=UNREADABLE)[~whole]
    asked = chosen[whole]
    questions = asked["question"].str.strip()
    again = questions.duplicated()
    first = asked.groupby(questions, sort=False)["row"].transform("first")
    repeated = asked.assign(reason="asks the question of " + first, kind=DUPLICATE)[again]
    faults = [
        f"{len(found)} of {len(chosen)} {what}, expected none; mend them or write "
        f"`{key}: drop`, {remedy}:\n{_rows(found)}"
        for key, found, what, remedy in (
            ("unreadable", unreadable, "problems cannot be asked", "which leaves them out"),
            (
                "duplicates",
                repeated,
                "questions were asked before",
                "which keeps the first of each",
            ),
        )
        if len(found) and key not in entry
    ]
    if faults:
        raise ProblemError("\n".join(f"{place}: {origin(entry)}: {fault}" for fault in faults))
    asked = asked[~again]
    if asked.empty:
        raise ProblemError(
            f"{place}: {origin(entry)}: none of {len(chosen)} problems is left to ask; expected at "
            "least one"
        )
    dropped = pd.concat([unreadable, repeated])
    return Selection(
        asked.drop(columns=["row", "written", "reason"]).reset_index(drop=True),
        pd.DataFrame(
            {
                **{key: dropped[key] for key in ("dataset", "source_row", "row", "kind", "reason")},
                "question": [None if _is_absent(q) else str(q) for q in dropped["question"]],
                "answer": dropped["written"],
            }
        ).reset_index(drop=True),
    )


def refuse_trained_on(asked: pd.DataFrame, trained_on: pd.DataFrame) -> None:
    """Refuse to measure a model on a question that it was trained on, whatever its data set.

    Both are rows of the ``problems`` table; questions are compared without regard to blanks.
    """
    known = dict(zip(_words(trained_on["question"]), trained_on.itertuples(), strict=True))
    for problem, question in zip(asked.itertuples(), _words(asked["question"]), strict=True):
        if question in known:
            other = known[question]
            raise ProblemError(
                f"evaluation: problem {problem.problem_id} of {problem.dataset} asks what problem "
                f"{other.problem_id} of {other.dataset} asks, which is trained on; a model cannot "
                "be measured on what it was trained on: leave it out of one of them"
            )


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
        raise ProblemError(f"{place}: subset: expected at most {size} problems, found {count}")
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


def gold(cell: Any, after: str | None = None, answers: str | None = None) -> str:
    """A gold answer as it is graded, from its cell: text, a number, or a list of these.

    A number is written out: 2e-05 becomes 0.00002, 145.0 becomes 145. Of text, what follows the
    last ``after`` counts, without separators of thousands. A list is written in one line, "2, 5",
    where ``answers`` is "all" and the answer has to be the set of them, and in a line for each
    where it is "any". What cannot be a gold answer is a ProblemError.
    """
    if not isinstance(cell, list | np.ndarray):
        return _one(cell, after)
    ones = dict.fromkeys(_one(part, after) for part in cell)
    if not ones:
        raise ProblemError("has no answer: its list is empty")
    return ("\n" if answers == "any" else ", ").join(ones)


def _one(cell: Any, after: str | None) -> str:
    if _is_absent(cell):
        raise ProblemError("has no answer")
    if isinstance(cell, bool | np.bool_) or not isinstance(
        cell, str | int | float | Decimal | np.integer | np.floating
    ):
        raise ProblemError(f"answer {cell!r}: expected text, a number or a list of these")
    text = cell if isinstance(cell, str) else _digits(cell)
    if after is not None:
        _, separator, text = text.rpartition(after)
        if not separator:
            raise ProblemError(f"answer {cell!r}: expected {after!r} before the gold answer")
    # A line of its own is another right answer.
    text = " ".join(line.strip() for line in text.strip().splitlines())
    if not text:
        raise ProblemError("has no answer")
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _digits(number: Any) -> str:
    """A number in plain decimal digits, exactly."""
    exact = Decimal(str(number))
    if not exact.is_finite() or abs(exact.adjusted()) > LONGEST_ANSWER:
        raise ProblemError(f"answer {number}; expected a number of at most {LONGEST_ANSWER} digits")
    text = f"{exact:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _question(cell: Any) -> str:
    if _is_absent(cell) or cell == "" or (isinstance(cell, str) and not cell.strip()):
        raise ProblemError("has no question")
    if not isinstance(cell, str):
        raise ProblemError(f"question {cell!r}: expected text")
    return cell


def _level(cell: Any, place: str) -> int:
    """The number of a level, written as 3 or as "Level 3"."""
    digits = re.fullmatch(r"(?:Level )?([0-9]{1,3})(?:\.0)?", str(cell).strip())
    if digits is None or int(digits[1]) > 127:
        raise ProblemError(f"{place}: expected a level such as 3 or 'Level 3', found {cell!r}")
    return int(digits[1])


def _check_lists(answers: str | None, golds: pd.Series, names: list[str], place: str) -> None:
    """Refuse lists of answers of which nobody says what they mean, and the word without lists."""
    lists = [isinstance(cell, list | np.ndarray) for cell in golds]
    if any(lists) and answers is None:
        row = lists.index(True)
        raise ProblemError(
            f"{place}: {names[row]}: found the list {list(golds[row])}; expected `all` (the answer "
            "is the set of them) or `any` (any one of them is right)"
        )
    if answers is not None and not any(lists):
        raise ProblemError(f"{place}: no answer is a list; expected no key `answers`, found it")


def _is_absent(cell: Any) -> bool:
    """Whether a cell holds nothing, as null or as NaN."""
    return bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def _near(name: str, names: Iterable[str]) -> str:
    """The name that may have been meant, as a question; else nothing."""
    lower = {other.lower(): other for other in names}
    near = difflib.get_close_matches(name.lower(), lower, 1)
    return f". Is it {lower[near[0]]!r}?" if near else ""


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[:_WIDE]}…"


def _words(questions: pd.Series) -> list[str]:
    return [" ".join(question.split()) for question in questions]


def _rows(found: pd.DataFrame) -> str:
    """The first rows of what is refused, one a line, and how many more there are."""
    lines = [f"  {row.row}: {row.reason}" for row in found.head(_SHOWN).itertuples()]
    more = len(found) - len(lines)
    return "\n".join([*lines, f"  and {more} more"] if more else lines)
