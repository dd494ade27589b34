"""The testbed's problems, corpus and tokenizer."""

import itertools
import re

import numpy as np
import pytest

from cliff_tokens.stages import generators as problems
from cliff_tokens.testbed import corpus, tokenizer
from cliff_tokens.testbed.corpus import Habits

GENERATORS = ("chains", "factors", "marathons")
FAULTLESS = Habits(slip=0.0, correction=0.0, misconception=0.0)


def some(name, count=300, split="corpus", seed=0):
    stream = problems.problems(name, split, np.random.default_rng(seed))
    return list(itertools.islice(stream, count))


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


@pytest.mark.parametrize("name", ["chains", "factors"])
def test_a_faultless_writer_reaches_the_gold_answer(name):
    rng = np.random.default_rng(1)
    for problem in some(name):
        assert corpus.write(problem, FAULTLESS, rng).endswith(f"boxed{{{problem.answer}}}.")


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


def test_the_worked_example_is_among_the_factors():
    asked = problems.generate("factors", "test", 24, seed=5)
    first = asked.iloc[0]
    assert "1092" in first["question"]
    assert first["answer"] == str(2 + 2 + 3 + 7 + 13)


def test_more_problems_than_a_split_has_are_refused():
    with pytest.raises(ValueError, match="factors: 5000 problems asked for"):
        problems.generate("factors", "test", 5000, seed=5)


def test_the_tokenizer_gives_back_every_text_and_knows_every_word():
    fast = tokenizer.build()
    rng = np.random.default_rng(2)
    for name in GENERATORS:
        for problem in some(name, 200):
            for text in (problem.question, corpus.write(problem, Habits(), rng)):
                assert fast.decode(fast.encode(text)) == text
    with pytest.raises(Exception, match="WordLevel"):
        fast.encode("zebra")


def test_the_chat_template_opens_the_answer_and_knows_its_roles():
    fast = tokenizer.build()
    asked = [{"role": "user", "content": "Add up the prime factors of 8."}]
    text = fast.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    assert text == "<|user|>Add up the prime factors of 8.<|assistant|>"
    with pytest.raises(Exception, match="roles user and assistant"):
        fast.apply_chat_template([{"role": "system", "content": "x"}], tokenize=False)


def test_slips_forget_the_carry_and_misconceptions_take_zero_minus_n_as_n():
    assert corpus.forgotten_carry(problems.Step(23, "+", 48, 71)) == 61
    assert corpus.forgotten_carry(problems.Step(23, "+", 42, 65)) is None
    assert corpus.zero_minus(problems.Step(50, "-", 27, 23)) == 37
    assert corpus.zero_minus(problems.Step(51, "-", 27, 24)) is None


def test_half_of_the_slips_are_noticed():
    rng = np.random.default_rng(3)
    habits = Habits(slip=1.0, correction=0.5, misconception=0.0)
    problem = problems.Problem(
        "chains", "", "", 71, (problems.Step(23, "+", 48, 71),), thing="coins"
    )
    texts = [corpus.write(problem, habits, rng) for _ in range(400)]
    noticed = sum("71" in text for text in texts)
    assert 160 < noticed < 240
    assert all("61" in text for text in texts)
