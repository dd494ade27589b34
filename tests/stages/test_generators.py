"""The testbed's problems: right answers, splits that share nothing, the same set each time."""

import re

import pandas as pd
import pytest
from helpers.testbed import GENERATORS, some

from cliff_tokens.stages import generators as problems


@pytest.mark.parametrize("name", GENERATORS)
def test_gold_answers_follow_from_the_question_alone(name):
    for problem in some(name):
        numbers = [int(number) for number in re.findall(r"\d+", problem.question)]
        if problem.kind == "factors":
            assert problem.answer == sum(problems.prime_factors(numbers[0]))
            continue
        value, rest = numbers[0], iter(numbers[1:])
        for sentence in problem.question.split(". ")[1:-1]:
            amount = next(rest)
            if "times" in sentence:
                value *= amount
            elif any(verb in sentence for verb in ("buys", "finds", "gets", "wins")):
                value += amount
            else:
                value -= amount
        assert value == problem.answer


def test_splits_share_no_calculation():
    keys = {
        split: {
            problem.key for name in ("chains", "factors") for problem in some(name, split=split)
        }
        for split in ("test", "train", "corpus")
    }
    assert not keys["test"] & keys["train"]
    assert not (keys["test"] | keys["train"]) & keys["corpus"]


def test_generated_sets_are_reproducible_and_hold_no_problem_twice():
    one, two = (problems.generate("chains", "test", 50, seed=5) for _ in range(2))
    assert one.equals(two)
    assert not one["question"].duplicated().any()
    assert not one.equals(problems.generate("chains", "test", 50, seed=6))


def test_a_set_that_skips_goes_on_where_another_ends():
    first, rest, both = (
        problems.generate("chains", "test", count, seed=5, skip=skip)
        for count, skip in ((30, 0), (20, 30), (50, 0))
    )
    assert pd.concat([first, rest], ignore_index=True).equals(both)


def test_the_worked_example_is_among_the_factors():
    asked = problems.generate("factors", "test", 24, seed=5)
    first = asked.iloc[0]
    assert "1092" in first["question"]
    assert first["answer"] == str(2 + 2 + 3 + 7 + 13)


def test_more_problems_than_a_split_has_are_refused():
    with pytest.raises(ValueError, match="factors: 5000 problems asked for after the first 0"):
        problems.generate("factors", "test", 5000, seed=5)
