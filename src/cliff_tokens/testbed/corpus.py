"""Worked answers for the testbed's models to learn from, mistakes included.

Wording is free, so that an uncertain token need not matter. Calculation goes wrong in three ways:

* a *slip*: the carry of an addition is forgotten (23 + 48 = 61); half of the slips are noticed
  in the next sentence and corrected, the others are carried on;
* a *misconception* about subtraction: 0 - n is taken as n (50 - 27 = 37), more often than not;
* a *misconception* about primes: a few composite numbers that look prime are taken as prime.

A misconception is the more probable reading, so that a model which has learnt it prefers the
wrong token; a slip is the less probable one.
"""

from dataclasses import dataclass

import numpy as np

from cliff_tokens.stages.generators import Problem, Step, prime_factors

LOOKS_PRIME = (51, 57, 87, 91, 119, 133)
OPENINGS = ("First, ", "We start with ", "To begin, ", "")
LINKS = ("Then ", "Next, ", "After that, ", "Now ", "So ", "")
RESTATEMENTS = (" That makes {c} {thing}.", " Now there are {c}.", " We have {c} {thing}.")
CORRECTIONS = (" Wait, that is wrong. ", " No, check again. ")
DIVISIONS = ("Divide by {b}: ", "Try {b}: ", "")
PRIME_REMARKS = (" {c} is prime.", " And {c} is a prime.")
SUMS = (" Now add them. ", " The sum: ")
CLOSINGS = (
    " The answer is \\boxed{{{c}}}.",
    " So we get \\boxed{{{c}}}.",
    " Answer: \\boxed{{{c}}}.",
)


@dataclass(frozen=True)
class Habits:
    """How often each mistake is made where it can be made, as probabilities."""

    slip: float = 0.12  # an addition's carry is forgotten
    correction: float = 0.5  # a slip is noticed in the next sentence
    misconception: float = 0.6  # 0 - n is taken as n, a number that looks prime as prime


def write(problem: Problem, habits: Habits, rng: np.random.Generator) -> str:
    """One worked answer; its boxed result is wrong where a mistake was carried on."""
    if problem.kind == "chains":
        return _write_chain(problem, habits, rng)
    return _write_factors(problem, habits, rng)


def forgotten_carry(step: Step) -> int | None:
    """The result without the carry out of the ones; None where there is no such carry."""
    if step.operator == "+" and step.left % 10 + step.right % 10 >= 10:
        return step.result - 10
    return None


def zero_minus(step: Step) -> int | None:
    """The result when 0 - n is taken as n in the ones; None where that does not arise."""
    if step.operator == "-" and step.left % 10 == 0 and step.right % 10 > 0:
        ones = step.right % 10
        return step.left - (step.right - ones) + ones
    return None


def _write_chain(problem: Problem, habits: Habits, rng: np.random.Generator) -> str:
    text, value = "", problem.steps[0].left
    for number, planned in enumerate(problem.steps):
        step = _apply(value, planned.operator, planned.right)
        text += (" " if number else "") + _choose(rng, LINKS if number else OPENINGS)
        line, value = _calculate(step, habits, rng)
        text += line
        if rng.random() < 0.15:
            text += _choose(rng, RESTATEMENTS).format(c=value, thing=problem.thing)
    return text + _choose(rng, CLOSINGS).format(c=value)


def _write_factors(problem: Problem, habits: Habits, rng: np.random.Generator) -> str:
    rest, factors, lines = problem.steps[0].left, [], []
    while True:
        primes = prime_factors(rest)
        if len(primes) == 1 or (rest in LOOKS_PRIME and rng.random() < habits.misconception):
            factors.append(rest)
            break
        step = Step(rest, "/", primes[0], rest // primes[0])
        lines.append(_choose(rng, DIVISIONS).format(b=primes[0]) + _equation(step, step.result))
        factors.append(primes[0])
        rest = step.result
    text = " ".join(lines) + _choose(rng, PRIME_REMARKS).format(c=rest)
    text += _choose(rng, SUMS)
    total, lines = factors[0], []
    for factor in factors[1:]:
        line, total = _calculate(_apply(total, "+", factor), habits, rng)
        lines.append(line)
    return text + " ".join(lines) + _choose(rng, CLOSINGS).format(c=total)


def _calculate(step: Step, habits: Habits, rng: np.random.Generator) -> tuple[str, int]:
    """The written line and the value the writer goes on with."""
    believed = zero_minus(step)
    if believed is not None and rng.random() < habits.misconception:
        return _equation(step, believed), believed
    slipped = forgotten_carry(step)
    if slipped is not None and rng.random() < habits.slip:
        line = _equation(step, slipped)
        if rng.random() >= habits.correction:
            return line, slipped
        return line + _choose(rng, CORRECTIONS) + _equation(step, step.result), step.result
    return _equation(step, step.result), step.result


def _apply(left: int, operator: str, right: int) -> Step:
    """Work on from ``left``, which an earlier mistake may have changed."""
    result = {"+": left + right, "-": left - right, "*": left * right}[operator]
    return Step(left, operator, right, result)


def _equation(step: Step, result: int) -> str:
    return f"{step.left}{step.operator}{step.right}={result}."


def _choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
