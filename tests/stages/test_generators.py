"""Generated problems: right answers, splits that share nothing, the same set each time."""

import math
import re

import pandas as pd
import pytest
from helpers.repository import ROOT
from helpers.testbed import GENERATORS, some

from cliff_tokens import catalogue
from cliff_tokens.stages import generators as problems
from cliff_tokens.stages.extraction import extract


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


def told(question):
    """What a story comes to, read sentence by sentence."""
    value = None
    for sentence in question.split(". "):
        numbers = [int(number) for number in re.findall(r"\d+", sentence)]
        if not numbers:
            continue
        if value is None:
            value = math.prod(numbers)
        elif "dollars each" in sentence or "costs" in sentence:
            value *= numbers[0]
        elif re.search("loses|sells|gives", sentence):
            value -= numbers[0]
        else:
            value += math.prod(numbers)
    return value


def test_stories_have_one_to_three_steps_and_their_answer_follows_from_the_question_alone():
    stories = some("stories", count=600)
    assert {len(story.steps) for story in stories} == {1, 2, 3}
    for story in stories:
        assert story.answer == told(story.question) >= 1


def test_stories_are_told_in_many_ways():
    stories = some("stories", count=600)
    assert len({re.sub(r"\d+", "#", story.question) for story in stories}) > 500


SHOWN = catalogue.read(ROOT / "config/datasets.yaml")["stories"]


def test_worked_examples_are_of_the_corpus_and_right():
    corpus = {story.question: story for story in some("stories", count=60)}
    for shot in SHOWN["shots"]:
        assert extract(shot["answer"], SHOWN["answer_from"]) == str(corpus[shot["question"]].answer)
        steps = re.findall(r"(\d+ [-+*] \d+) = (\d+)", shot["answer"])
        worked = {
            f"{one.left} {one.operator} {one.right}" for one in corpus[shot["question"]].steps
        }
        assert {left for left, _ in steps} == worked
        assert all(eval(left) == int(right) for left, right in steps)


def test_splits_share_no_calculation():
    keys = {
        split: {
            problem.key
            for name in ("chains", "factors", "stories")
            for problem in some(name, split=split)
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
