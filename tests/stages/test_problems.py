"""What may be asked, and what is refused or dropped before anything is sampled."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cliff_tokens import tables
from cliff_tokens.problem_files import ProblemError
from cliff_tokens.stages import problems

ENTRY = {"generator": "chains", "split": "test", "problems": 5}
FILE = {"file": "my/quiz.jsonl", "question": "q", "answer": "a"}
HUB = {
    "hub": "lab/quiz",
    "split": "test",
    "question": "q",
    "answer": "a",
    "subset": {"rule": "all"},
}


def split(size, **columns):
    """Rows as a split of the Hub has them."""
    numbers = range(size)
    return pd.DataFrame({"q": [f"{n}+0?" for n in numbers], "a": numbers, **columns})


def lines(golds, questions=None):
    """Records as a file of JSON Lines has them."""
    questions = questions or [f"{n}+0?" for n in range(len(golds))]
    index = [f"line {number}" for number in range(1, len(golds) + 1)]
    return pd.DataFrame({"q": questions, "a": golds}, index=index, dtype=object)


def select(entry, rows, limit=None):
    return problems.select("quiz", entry, limit, seed=1, rows=rows)


def golds(entry, rows):
    return select(entry, rows).asked["answer"].tolist()


def test_a_limit_takes_the_first_problems_of_the_same_set():
    every = select(ENTRY, None).asked
    some = select(ENTRY, None, limit=2).asked
    assert len(every) == 5
    assert some.equals(every.head(2))
    assert every["dataset"].unique().tolist() == ["quiz"]


def test_a_set_of_which_nothing_is_left_is_refused():
    with pytest.raises(ProblemError, match=r"quiz: my/quiz.jsonl: none of 1 problems is left"):
        select(FILE | {"unreadable": "drop"}, lines([None]))


def test_problems_of_the_hub_keep_their_row_and_split():
    found = select(HUB, split(3), limit=2).asked
    assert found["level"].isna().all()
    assert found.drop(columns="level").to_dict("list") == {
        "dataset": ["quiz", "quiz"],
        "problem_id": ["00000", "00001"],
        "question": ["0+0?", "1+0?"],
        "answer": ["0", "1"],
        "answer_from": ["box", "box"],
        "until": [None, None],
        "split": ["test", "test"],
        "source_row": [0, 1],
    }


@pytest.mark.parametrize("entry", [ENTRY, HUB, FILE, FILE | {"unreadable": "drop"}])
def test_what_is_asked_and_what_is_dropped_are_tables(tmp_path, entry):
    rows = {"hub": split(3), "file": lines(["1", "2"])}
    if "unreadable" in entry:
        rows["file"] = lines(["1", {"value": 2}, None, "3"], ["a", "b", Decimal(3), None])
    selected = select(entry, next((rows[kind] for kind in rows if kind in entry), None))
    for frame, name in zip(selected, ("problems", "dropped"), strict=True):
        tables.write(frame, tmp_path / "x.parquet", name, {})


def test_a_file_is_asked_whole_and_its_split_is_a_word():
    found = select(FILE, lines(["7", "8"])).asked
    assert found["answer"].tolist() == ["7", "8"]
    assert found["split"].tolist() == ["all", "all"]
    assert select(FILE | {"split": "hard"}, lines(["7"])).asked["split"].tolist() == ["hard"]


def test_a_uniform_subset_is_the_sample_of_pythons_generator():
    # random.Random(42).sample(range(10), 4) is [1, 0, 4, 9] in CPython; kept in the split's order.
    subset = {"rule": "uniform", "problems": 4, "seed": 42}
    found = select(HUB | {"subset": subset}, split(10)).asked
    assert found["source_row"].tolist() == [0, 1, 4, 9]
    again = problems.select("quiz", HUB | {"subset": subset}, None, seed=2, rows=split(10))
    assert again.asked.equals(found)  # the run's seed does not matter


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
    found = select(entry, rows).asked
    assert found["source_row"].tolist() == [0, 1, 2, 3, 8, 9, 18, 19]
    assert found["level"].tolist() == [1, 2] * 4


def test_a_question_may_stand_in_several_columns():
    rows = lines(["2", "3"], ["How many?", None]).assign(body=["Ana has two.", "Ben has three."])
    entry = FILE | {"question": ["body", "q"], "unreadable": "drop"}
    assert select(entry, rows).asked["question"].tolist() == ["Ana has two. How many?"]
    with pytest.raises(ProblemError, match=r"question: my/quiz\.jsonl has no column 'Body'"):
        select(FILE | {"question": ["Body", "q"]}, rows)


def test_a_file_is_sampled_by_its_levels():
    rows = lines([str(n) for n in range(20)])
    rows["difficulty"] = [Decimal(n % 2 + 1) for n in range(20)]
    subset = {"rule": "by_level", "problems": 8, "seed": 42}
    found = select(FILE | {"subset": subset, "level": "difficulty"}, rows).asked
    assert found["source_row"].tolist() == [0, 1, 2, 3, 8, 9, 18, 19]


@pytest.mark.parametrize(
    ("cell", "after", "expected"),
    [
        ("Half of 48 is 24, so 72.\n#### 72", "####", "72"),
        ("#### no\n#### 70,000 ", "####", "70000"),
        ("-1,234,567", None, "-1234567"),
        ("1,2", None, "1,2"),
        ("0,245", None, "0,245"),
        ("(1,234)", None, "(1,234)"),
        (r"\frac{1}{2}", None, r"\frac{1}{2}"),
        ("00012", None, "00012"),
        ("two\r\n  lines\u2028three", None, "two lines three"),  # a line is another answer
        (72, None, "72"),
        (145.0, None, "145"),
        (2e-05, None, "0.00002"),
        (-0.0, None, "0"),
        (1e22, None, "1" + "0" * 22),
        (np.float32(0.1), None, "0.1"),
        (np.float64(2.50), None, "2.5"),
        (np.int64(2**60 + 1), None, str(2**60 + 1)),
        (10**30 + 1, None, str(10**30 + 1)),
        (Decimal("2E-5"), None, "0.00002"),
        (Decimal("1" + "0" * 40 + ".50"), None, "1" + "0" * 40 + ".5"),
    ],
)
def test_gold_answers_are_read_as_they_are_graded(cell, after, expected):
    assert problems.gold(cell, after) == expected


@pytest.mark.parametrize("cell", [["2", 5, 5.0], np.array([2, 5])])
def test_a_list_is_a_set_or_a_line_for_each_right_answer(cell):
    assert problems.gold(cell, answers="all") == "2, 5"
    assert problems.gold(cell, answers="any") == "2\n5"


def test_lists_are_read_in_a_file_where_some_answers_are_none():
    rows = lines([["1,000", r"\frac{1}{2}"], ["3"], 4, "5"])
    assert golds(FILE | {"answers": "all"}, rows) == [r"1000, \frac{1}{2}", "3", "4", "5"]
    assert golds(FILE | {"answers": "any"}, rows)[0] == "1000\n" + r"\frac{1}{2}"


def test_what_a_list_means_has_to_be_said_and_is_said_of_nothing_else():
    place = "config/datasets.yaml: quiz: answers: my/quiz.jsonl: "
    with pytest.raises(ProblemError) as caught:
        select(FILE, lines(["1", ["2", "5"]]))
    assert str(caught.value).startswith(place + "line 2: found the list ['2', '5']; expected `all`")
    with pytest.raises(ProblemError, match="no answer is a list"):
        select(FILE | {"answers": "any"}, lines(["1", "2"]))


UNREADABLE = [
    (None, "has no answer"),
    (float("nan"), "has no answer"),
    (" ", "has no answer"),
    ([], "has no answer: its list is empty"),
    (["1", None], "has no answer"),
    (True, "answer True: expected text, a number or a list"),
    ({"value": 5}, "answer {'value': 5}: expected text"),
    ([["1"]], "answer ['1']: expected text"),
    (Decimal("1e999"), "answer 1E+999; expected a number of at most 300 digits"),
    (float("inf"), "answer inf; expected a number of at most 300 digits"),
    ("x" * 301, f"answer '{'x' * 100}…': it has 301 characters"),
    (r"0.\overline{43}", r"answer '0.\\overline{43}': math-verify reads no value"),
]


@pytest.mark.parametrize(("cell", "reason"), UNREADABLE)
def test_a_gold_answer_that_cannot_be_one_is_refused_by_its_row(cell, reason):
    entry = FILE | ({"answers": "any"} if isinstance(cell, list) else {})
    with pytest.raises(ProblemError) as caught:
        select(entry, lines(["1", cell, "3"]))
    first, second = str(caught.value).split("\n")
    assert first == (
        "config/datasets.yaml: quiz: my/quiz.jsonl: 1 of 3 problems cannot be asked, expected "
        "none; mend them or write `unreadable: drop`, which leaves them out:"
    )
    assert second.startswith(f"  line 2: {reason}")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(None, "has no question"), ("", "has no question"), (" \n", "has no question"),
     (5, "question 5: expected text"), (["a"], "question ['a']: expected text")],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_refused_by_its_row(cell, reason):
    with pytest.raises(ProblemError) as caught:
        select(FILE, lines(["1", "2"], ["1+0?", cell]))
    assert f"  line 2: {reason}" in str(caught.value)


def test_all_that_is_refused_is_counted_and_five_are_shown():
    with pytest.raises(ProblemError) as caught:
        select(FILE, lines([None] * 7 + ["1"]))
    shown = str(caught.value).split("\n")
    assert "7 of 8 problems cannot be asked" in shown[0]
    assert len(shown) == 1 + 5 + 1
    assert shown[-1] == "  and 2 more"


def test_a_question_that_was_asked_before_is_refused_by_both_rows():
    rows = lines(["1", "2", "3"], ["How many?", "Who?", " How many?\n"])
    with pytest.raises(ProblemError) as caught:
        select(FILE, rows)
    assert "1 of 3 questions were asked before" in str(caught.value)
    assert "`duplicates: drop`, which keeps the first of each" in str(caught.value)
    assert str(caught.value).endswith("\n  line 3: asks the question of line 1")


def test_both_kinds_of_fault_are_told_at_once():
    with pytest.raises(ProblemError, match=r"(?s)`unreadable: drop`.*`duplicates: drop`"):
        select(FILE, lines(["1", None, "3"], ["a?", "b?", "a?"]))


def test_what_is_dropped_is_recorded_with_its_row_and_the_rest_keeps_its_number():
    rows = lines(["1", None, "3", "4"], ["a?", "b?", "b?", "a?"])
    selected = select(FILE | {"unreadable": "drop", "duplicates": "drop"}, rows)
    # Of equal questions the first that can be asked stays: that of line 2 cannot.
    assert selected.asked["problem_id"].tolist() == ["00000", "00002"]
    assert selected.dropped.to_dict("list") == {
        "dataset": ["quiz", "quiz"],
        "source_row": [1, 3],
        "row": ["line 2", "line 4"],
        "kind": ["unreadable", "duplicate"],
        "reason": ["has no answer", "asks the question of line 1"],
        "question": ["b?", "a?"],
        "answer": [None, "4"],
    }


def test_a_limit_takes_the_same_problems_whatever_is_dropped_behind_it():
    rows = lines(["1", None, "3", "4"])
    entry = FILE | {"unreadable": "drop"}
    every, some = select(entry, rows).asked, select(entry, rows, limit=3).asked
    assert some.equals(every.head(2))


def test_a_gold_answer_without_its_mark_is_refused():
    with pytest.raises(ProblemError, match="line 1: answer 'all': expected '####' before the gold"):
        select(FILE | {"after": "####"}, lines(["all"]))


@pytest.mark.parametrize(
    ("changes", "rows", "message"),
    [
        (
            {"question": "Q"},
            split(3),
            r"question: lab/quiz has no column 'Q' in its split test; it has 'q', 'a'. Is it 'q'\?",
        ),
        ({}, split(3, a=["1", None, "3"]), r"quiz: lab/quiz: .*\n  row 1: has no answer"),
        (
            {"subset": {"rule": "uniform", "problems": 4, "seed": 1}},
            split(3),
            "subset: expected at most 3 problems, found 4",
        ),
        ({"level": "a"}, split(3, a=["1", "x", "3"]), "row 1: expected a level such as 3"),
        ({"level": "a"}, split(3, a=[1, 2, 300]), "row 2: expected a level such as 3"),
        ({"level": "a"}, split(3, a=[1, None, 3]), "row 1: expected a level such as 3"),
    ],
)
def test_a_split_that_does_not_fit_its_entry_is_refused(changes, rows, message):
    with pytest.raises(ProblemError, match=message):
        select(HUB | changes, rows)


def test_a_column_that_a_file_lacks_is_named_with_those_it_has():
    with pytest.raises(ProblemError) as caught:
        select(FILE | {"answer": "answers"}, lines(["1"]).rename(columns={"a": "answer"}))
    assert str(caught.value) == (
        "config/datasets.yaml: quiz: answer: my/quiz.jsonl has no column 'answers'; it has 'q', "
        "'answer'. Is it 'answer'?"
    )


def test_a_question_that_was_trained_on_is_refused_whatever_its_data_set():
    trained = select(ENTRY, None).asked
    rows = lines(["1", "2"], ["New?", trained["question"][3].replace(" ", "\n ")])
    asked = select(FILE, rows).asked.assign(dataset="mine")
    with pytest.raises(ProblemError) as caught:
        problems.refuse_trained_on(asked, trained)
    assert str(caught.value).startswith(
        "evaluation: problem 00001 of mine asks what problem chains-test-00003 of quiz asks"
    )
    problems.refuse_trained_on(asked.head(1), trained)
