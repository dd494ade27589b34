"""Problem generators; every answer is computed, never read from text.

Of the testbed: ``chains`` (in domain, GSM1K's role), word problems of three to five operations;
``factors`` (MATH500's role), the sum of a number's prime factors by trial division; ``marathons``
(AIME's role), chains far longer, with larger numbers, than anything the models were trained on.
For a pretrained model: ``stories`` (GSM1K's role), word problems of one to three steps.

A hash of what is to be computed, without the wording, assigns each problem to one split. The
test sets, ``chains-train`` and the training corpus therefore share no problem, reworded or not, and
neither do problems and the worked examples that are shown before them, which are of the corpus.
"""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cliff_tokens.stages.extraction import BOX

Split = Literal["test", "train", "corpus"]

NAMES = {"Mia": "She", "Eva": "She", "Ida": "She", "Tom": "He", "Ben": "He", "Leo": "He"}
THINGS = ("apples", "books", "coins", "cards", "shells", "stamps")
GAINS = ("buys {b} more", "finds {b}", "gets {b} more", "wins {b}")
LOSSES = ("loses {b}", "sells {b}", "gives away {b}", "drops {b}")
FACTORS_QUESTIONS = (
    "What is the sum of the prime factors of {n}?",
    "Add up the prime factors of {n}.",
    "Find the sum of all prime factors of {n}.",
)
# Of stories: who else takes part, what holds things, what can be counted, and what happens to it.
FRIENDS = ("Sam", "Anna", "Max", "Nora")
HOLDERS = ("boxes", "bags", "jars", "baskets")
GOODS = ("apples", "stickers", "marbles", "pencils", "cookies", "stamps", "shells", "cards")
OPENINGS = (
    "{name} has {a} {goods}.",
    "{name} collects {a} {goods}.",
)
PACKS = (
    "{name} has {a} {holders} with {b} {goods} in each.",
    "{name} fills {a} {holders} with {b} {goods} each.",
    "{name} buys {a} {holders} of {b} {goods}.",
)
MORE = (
    "{she} buys {b} more {goods}.",
    "{she} finds {b} more {goods}.",
    "{she} gets {b} more {goods} from {friend}.",
    "Then {she_} gets {b} more {goods}.",
)
FEWER = (
    "{she} gives {b} {goods} to {friend}.",
    "{she} loses {b} {goods}.",
    "{she} sells {b} {goods}.",
    "Then {she_} gives away {b} {goods}.",
)
MORE_PACKS = (
    "Then {she_} gets {b} {holders} of {c} more.",
    "{friend} brings {b} {holders} with {c} in each.",
)
SOLD = (
    "{she} sells all of them for {b} dollars each. How many dollars does {name} get?",
    "Each of them costs {b} dollars. How many dollars do all of them cost?",
)
LEFT = "How many {goods} does {name} have now?"
_PATIENCE = 1000  # repeated problems in a row that show a split to be exhausted


@dataclass(frozen=True)
class Step:
    """One line of the work: ``left`` ``operator`` ``right`` = ``result``."""

    left: int
    operator: Literal["+", "-", "*", "/"]
    right: int
    result: int


@dataclass(frozen=True)
class Problem:
    """A question, its answer and the calculation that leads there."""

    kind: Literal["chains", "factors", "stories"]
    key: str  # what is computed, without the wording
    question: str
    answer: int
    steps: tuple[Step, ...]
    thing: str = ""  # what a chain counts


def split_of(key: str) -> Split:
    """The split a calculation belongs to: a tenth each is held for test and train."""
    if key == "factors 1092":  # the worked example 2 * 2 * 3 * 7 * 13
        return "test"
    bucket = hashlib.blake2b(key.encode(), digest_size=4).digest()[0] % 10
    return {0: "test", 1: "train"}.get(bucket, "corpus")


def problems(name: str, split: Split, rng: np.random.Generator) -> Iterator[Problem]:
    """An endless stream of problems of one generator that belong to ``split``."""
    makers = {"chains": _chain, "factors": _factors, "marathons": _marathon, "stories": _story}
    make = makers[name]
    while True:
        problem = make(rng)
        if split_of(problem.key) == split:
            yield problem


def generate(name: str, split: Split, count: int, seed: int, skip: int = 0) -> pd.DataFrame:
    """``count`` different problems as rows of the ``problems`` table, without ``dataset``.

    Raises ValueError if the generator cannot give that many different problems.

    Args:
        name: of the generator.
        split: that the problems are of.
        count: how many are given.
        seed: of the draws.
        skip: problems that are left out first: those that a set without it begins with.
    """
    drawn: dict[str, Problem] = {}
    rng = np.random.default_rng([seed, *name.encode(), *split.encode()])
    if name == "factors" and split == "test":
        drawn["factors 1092"] = _factors(rng, 1092)
    stream, misses = problems(name, split, rng), 0
    while len(drawn) < skip + count:
        problem = next(stream)
        misses = misses + 1 if problem.key in drawn else 0
        drawn.setdefault(problem.key, problem)
        if misses == _PATIENCE:
            raise ValueError(
                f"{name}: {count} problems asked for after the first {skip}, but the {split} split "
                f"has only {len(drawn)}"
            )
    return pd.DataFrame(
        {
            "problem_id": f"{name}-{split}-{row:05d}",
            "question": problem.question,
            "answer": str(problem.answer),
            "answer_from": BOX,
            "until": None,
            "level": len(problem.steps),
            "split": split,
            "source_row": row,
        }
        for row, problem in list(enumerate(drawn.values()))[skip:]
    )


def prime_factors(n: int) -> list[int]:
    """Prime factors of n >= 2 in ascending order, with repetition."""
    factors, divisor = [], 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return factors + ([n] if n > 1 else [])


def _chain(rng: np.random.Generator) -> Problem:
    return _word_problem(rng, operations=int(rng.integers(3, 6)), start=300, largest=999)


def _marathon(rng: np.random.Generator) -> Problem:
    return _word_problem(rng, operations=int(rng.integers(6, 9)), start=9000, largest=99999)


def _word_problem(rng: np.random.Generator, operations: int, start: int, largest: int) -> Problem:
    name = str(rng.choice(list(NAMES)))
    thing = str(rng.choice(THINGS))
    value = int(rng.integers(10, start))
    if rng.random() < 0.3:  # round numbers: what people write, and where subtraction is hard
        value = max(10, value // 10 * 10)
    key, steps = str(value), []
    sentences = [f"{name} has {value} {thing}."]
    for _ in range(operations):
        step, deed = _operation(rng, value, largest)
        steps.append(step)
        key += f" {step.operator} {step.right}"
        sentences.append(f"{NAMES[name]} {deed}.")
        value = step.result
    sentences.append(f"How many {thing} does {name} have?")
    return Problem("chains", key, " ".join(sentences), value, tuple(steps), thing)


def _operation(rng: np.random.Generator, value: int, largest: int) -> tuple[Step, str]:
    """One operation that keeps the value between 1 and ``largest``."""
    factor = int(rng.integers(2, 7))
    if value * factor <= largest and rng.random() < 0.4:
        return Step(value, "*", factor, value * factor), f"now has {factor} times as many"
    room = largest - value
    if value < 20 or (room > 10 and rng.random() < 0.5):
        amount = int(rng.integers(3, min(room, largest // 2) + 1))
        deed = str(rng.choice(GAINS)).format(b=amount)
        return Step(value, "+", amount, value + amount), deed
    amount = int(rng.integers(3, value))
    deed = str(rng.choice(LOSSES)).format(b=amount)
    return Step(value, "-", amount, value - amount), deed


@functools.cache
def _factorable() -> np.ndarray:
    """Numbers below 2000 of three to six prime factors, none above 31."""
    factored = ((n, prime_factors(n)) for n in range(24, 2000))
    return np.array([n for n, fs in factored if 3 <= len(fs) <= 6 and fs[-1] <= 31])


def _factors(rng: np.random.Generator, n: int | None = None) -> Problem:
    n = n or int(rng.choice(_factorable()))
    factors = prime_factors(n)
    steps, rest = [], n
    for factor in factors[:-1]:
        steps.append(Step(rest, "/", factor, rest // factor))
        rest //= factor
    total = factors[0]
    for factor in factors[1:]:
        steps.append(Step(total, "+", factor, total + factor))
        total += factor
    question = str(rng.choice(FACTORS_QUESTIONS)).format(n=n)
    return Problem("factors", f"factors {n}", question, total, tuple(steps))


def _story(rng: np.random.Generator) -> Problem:
    """One to three steps, most often one, told in one of many ways.

    Numbers go up to 9 where they are multiplied and else to 25.
    """
    name, goods = str(rng.choice(list(NAMES))), str(rng.choice(GOODS))
    words = {"name": name, "she": NAMES[name], "she_": NAMES[name].lower(), "goods": goods}
    count, steps, sentences = int(rng.choice([1, 2, 3], p=[0.85, 0.12, 0.03])), [], []

    def tell(wordings: tuple[str, ...], **numbers: int) -> None:
        who = {"friend": str(rng.choice(FRIENDS)), "holders": str(rng.choice(HOLDERS))}
        sentences.append(str(rng.choice(wordings)).format(**words, **who, **numbers))

    def calculate(left: int, operator: str, right: int) -> int:
        result = {"+": left + right, "-": left - right, "*": left * right}[operator]
        steps.append(Step(left, operator, right, result))
        return result

    if rng.random() < 0.3:
        value, b = int(rng.integers(3, 10)), int(rng.integers(2, 10))
        tell(PACKS, a=value, b=b)
        value = calculate(value, "*", b)
    else:
        value = int(rng.integers(3, 26))
        tell(OPENINGS, a=value)
    while len(steps) < count:
        b, chance = int(rng.integers(2, 21)), rng.random()
        if chance < 0.1 and len(steps) == count - 1 and value < 10 and b < 10:
            tell(SOLD, b=b)
            value = calculate(value, "*", b)
            break
        if chance < 0.2 and len(steps) <= count - 2 and b < 10:
            c = int(rng.integers(2, 10))
            tell(MORE_PACKS, b=b, c=c)
            value = calculate(value, "+", calculate(b, "*", c))
        elif chance < 0.5 and value > 3:
            b = min(b, value - 1)
            tell(FEWER, b=b)
            value = calculate(value, "-", b)
        else:
            tell(MORE, b=b)
            value = calculate(value, "+", b)
    if not sentences[-1].endswith("?"):
        tell((LEFT,))
    key = "stories " + ", ".join(f"{one.left} {one.operator} {one.right}" for one in steps)
    return Problem("stories", key, " ".join(sentences), value, tuple(steps), goods)
