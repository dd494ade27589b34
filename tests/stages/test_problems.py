"""What may be asked, and what is refused before anything is sampled."""

import pandas as pd
import pytest

from cliff_tokens.stages import problems
from cliff_tokens.stages.grading import GradingError

ENTRY = {"generator": "chains", "split": "test", "problems": 5}


def asked(**changes):
    row = {"problem_id": ["a", "b"], "question": ["1+1?", "1+2?"], "answer": ["2", "3"]}
    return pd.DataFrame({**row, **changes})


def test_a_limit_takes_the_first_problems_of_the_same_set():
    every = problems.select("chains", ENTRY, None, seed=1)
    some = problems.select("chains", ENTRY, 2, seed=1)
    assert len(every) == 5
    assert some.equals(every.head(2))
    assert every["dataset"].unique().tolist() == ["chains"]


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="the data set is empty"):
        problems.check(asked().head(0))


def test_a_repeated_question_is_refused_by_its_id():
    with pytest.raises(ValueError, match="b repeats another's question"):
        problems.check(asked(question=["1+1?", "1+1?"]))


def test_a_gold_answer_that_does_not_parse_is_refused_by_its_text():
    with pytest.raises(GradingError, match="overline"):
        problems.check(asked(answer=["2", r"0.\overline{43}"]))


HUB = {
    "hub": "lab/quiz",
    "split": "test",
    "question": "q",
    "answer": "a",
    "subset": {"rule": "all"},
}


def split(size, **columns):
    numbers = range(size)
    return pd.DataFrame({"q": [f"{n}+0?" for n in numbers], "a": numbers, **columns})


def test_problems_of_the_hub_keep_their_row_and_split():
    found = problems.select("quiz", HUB, 2, seed=1, rows=split(3))
    assert found["level"].isna().all()
    assert found.drop(columns="level").to_dict("list") == {
        "dataset": ["quiz", "quiz"],
        "problem_id": ["00000", "00001"],
        "question": ["0+0?", "1+0?"],
        "answer": ["0", "1"],
        "split": ["test", "test"],
        "source_row": [0, 1],
    }


def test_a_uniform_subset_is_the_sample_of_pythons_generator():
    # random.Random(42).sample(range(10), 4) is [1, 0, 4, 9] in CPython; kept in the split's order.
    subset = {"rule": "uniform", "problems": 4, "seed": 42}
    found = problems.select("quiz", HUB | {"subset": subset}, None, seed=1, rows=split(10))
    assert found["source_row"].tolist() == [0, 1, 4, 9]
    again = problems.select("quiz", HUB | {"subset": subset}, None, seed=2, rows=split(10))
    assert again.equals(found)  # the run's seed does not matter


def test_a_hundred_of_math500_are_divided_as_in_the_paper():
    # 43, 90, 105, 128, 134 problems of levels 1 to 5: a fifth is 8.6, 18, 21, 25.6, 26.8. Rounding
    # gives 101; whole parts give 98, and the remainders .8 and, of two .6, the harder level's.
    sizes = {1: 43, 2: 90, 3: 105, 4: 128, 5: 134}
    assert problems.shares(sizes, 100) == {1: 8, 2: 18, 3: 21, 4: 26, 5: 27}


@pytest.mark.parametrize("count", [0, 1, 7, 99, 100])
def test_shares_sum_to_what_was_asked_and_are_off_by_less_than_one(count):
    sizes = {1: 1, 2: 33, 3: 66}
    found = problems.shares(sizes, count)
    assert sum(found.values()) == count
    for level, size in sizes.items():
        assert abs(found[level] - count * size / 100) < 1


@pytest.mark.parametrize("written", [lambda n: n % 2 + 1, lambda n: f"Level {n % 2 + 1}"])
def test_each_level_is_sampled_from_a_generator_that_begins_anew(written):
    # Rows 0, 2, .. are of level 1, rows 1, 3, .. of level 2: the same places of either are drawn.
    rows = split(20, difficulty=[written(n) for n in range(20)])
    subset = {"rule": "by_level", "problems": 8, "seed": 42}
    entry = HUB | {"subset": subset, "level": "difficulty"}
    found = problems.select("quiz", entry, None, seed=1, rows=rows)
    assert found["source_row"].tolist() == [0, 1, 2, 3, 8, 9, 18, 19]
    assert found["level"].tolist() == [1, 2] * 4


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("Half of 48 is 24, so 72.\n#### 72", "####", "72"),
        ("#### no\n#### 70,000 ", "####", "70000"),
        ("-1,234,567", None, "-1234567"),
        ("1,2", None, "1,2"),
        ("(1,234)", None, "(1,234)"),
        (r"\frac{1}{2}", None, r"\frac{1}{2}"),
    ],
)
def test_gold_answers_are_read_as_they_are_graded(text, after, expected):
    assert problems.gold(text, after) == expected


def test_a_gold_answer_without_its_mark_is_refused():
    with pytest.raises(ValueError, match="expected '####' before the gold answer, found 'all'"):
        problems.gold("all", "####")


@pytest.mark.parametrize(
    ("changes", "rows", "message"),
    [
        ({"question": "problem"}, split(3), "no column 'problem' in its split test; it has q, a"),
        ({}, split(3, a=["1", None, "3"]), "quiz: row 1 of lab/quiz has no a"),
        (
            {"subset": {"rule": "uniform", "problems": 4, "seed": 1}},
            split(3),
            "subset: expected at most 3 problems, found 4",
        ),
        ({"level": "a"}, split(3, a=["1", "x", "3"]), "expected a level such as 3"),
    ],
)
def test_a_split_that_does_not_fit_its_entry_is_refused(changes, rows, message):
    with pytest.raises(ValueError, match=message):
        problems.select("quiz", HUB | changes, None, seed=1, rows=rows)
