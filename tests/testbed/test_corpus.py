"""Worked answers: right without mistakes, and wrong as their writer's habits have it."""

import numpy as np
import pytest
from helpers.testbed import some

from cliff_tokens.stages import generators as problems
from cliff_tokens.testbed import corpus
from cliff_tokens.testbed.corpus import Habits

FAULTLESS = Habits(slip=0.0, correction=0.0, misconception=0.0)


@pytest.mark.parametrize("name", ["chains", "factors"])
def test_a_faultless_writer_reaches_the_gold_answer(name):
    rng = np.random.default_rng(1)
    for problem in some(name):
        assert corpus.write(problem, FAULTLESS, rng).endswith(f"boxed{{{problem.answer}}}.")


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
