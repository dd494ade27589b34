"""One grader for traces and rollouts: an answer against the gold one.

Numbers, with or without a unit, and words are compared here; every other pair goes to math-verify
in processes that can be killed, because its own time limit is an alarm that some expressions
outlast. An answer that hangs costs one verdict, "timeout", and never that of another answer. Gold
and answer are both boxed before they are parsed, so the same text always means the same value on
either side. docs/grading.md says what is accepted.
"""

import functools
import json
import logging
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import wait
from pathlib import Path

from cliff_tokens.stages import comparison
from cliff_tokens.stages.normalization import LONGEST_ANSWER, tidy

VERDICTS = ("correct", "incorrect", "unparsed", "timeout")

# Commas only as math-verify reads them: "01,234" is a decimal there, "1,2" and "+1,234" are pairs.
_INTEGER = re.compile(r"(?:\\?\$)?(-?[1-9][0-9]{0,2}(?:,[0-9]{3})+|[+-]?[0-9]+)")

_LEAST_MEMORY = 2**29  # bytes; below, memory runs out before time, and sympy's handlers hide it
# Of the verdicts by several right answers, the first of these counts.
_PREFERENCE = ("correct", "timeout", "incorrect", "unparsed")
_START = 120  # seconds a worker may take to import math-verify
_GRACE = 1  # seconds in which math-verify's own alarm should have ended an answer


class GradingError(ValueError):
    """A gold answer that cannot be read, a setting that cannot work, or no working math-verify."""


class Grader:
    """Grades (gold, answer) pairs; a context manager that owns its worker processes.

    ``deadline`` is math-verify's limit for one step, in whole seconds (it accepts fractions and
    then finds everything wrong); a worker still busy ``_GRACE`` seconds later is killed.
    ``memory`` limits each worker's address space, in bytes. Workers start with the first pair
    that needs one: integers never do. Verdicts are kept for the life of the grader and depend
    neither on the number of workers nor on the order of the pairs.
    """

    def __init__(self, workers: int = 1, deadline: int = 2, memory: int = 2**30):
        for name, value, least in (
            ("workers", workers, 1),
            ("deadline", deadline, 1),
            ("memory", memory, _LEAST_MEMORY),
        ):
            if type(value) is not int or value < least:
                raise GradingError(
                    f"grader: {name} must be a whole number >= {least}, found {value!r}"
                )
        self._size, self._deadline, self._memory = workers, deadline, memory
        self._workers: list[_Worker] = []
        self._verdicts: dict[tuple[str, str | None], str] = {}

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def check_gold(self, answers: Iterable[str]) -> None:
        """Raise GradingError, naming them with the reason, if gold answers cannot be reached."""
        self._refuse(self.ungradable(answers))

    def ungradable(self, golds: Iterable[str]) -> dict[str, str]:
        """Gold answers by which no plain answer is right, each with the reason in words.

        A gold is proven: its value, written as a model would write it in a box, has to be graded
        correct, by every line of a gold of several lines. Where some answer could take math-verify
        to compare, math-verify has to read the gold as well: ``grade`` never raises for a gold that
        is not named here.
        """
        reasons: dict[str, str] = {}
        questions: dict[tuple[str, str], list[str]] = {}
        for gold in dict.fromkeys(golds):
            for line in _lines(gold) or [""]:
                if _integer(line) is not None and len(line) <= LONGEST_ANSWER:
                    continue
                line = tidy(line)
                plain = comparison.plainest(line)
                same = comparison.same(line, plain)
                reason = comparison.refusal(line)
                if reason is not None or same is False:
                    reasons.setdefault(gold, reason or _missed(plain, "incorrect"))
                elif same is None or comparison.needs_parser(line):
                    asked = _question(line, line if same else plain)
                    questions.setdefault(asked, []).append(gold)
        for question, reply in self._ask(list(questions)).items():
            for gold in questions[question]:
                if reply in ("gold", "unparsed"):
                    reasons.setdefault(gold, self._unread())
                elif reply != "correct":
                    reasons.setdefault(gold, _missed(question[1], reply))
        return reasons

    def grade(self, pairs: Sequence[tuple[str, str | None]]) -> list[str]:
        """The verdict of each (gold, answer), in order; answers as ``extraction`` finds them.

        Each line of a gold is one right answer. "unparsed": there is no answer, or math-verify
        finds no value in it. "timeout": no verdict within the deadline, or the worker died of this
        answer (memory limit, crash); that says nothing about the answer and is not "incorrect".
        Raises GradingError for an unreadable gold.
        """
        verdicts = self._verdicts
        open_pairs: dict[tuple[str, str | None], list[tuple[str, str]]] = {}
        for pair in dict.fromkeys(pairs):
            if pair in verdicts:
                continue
            verdict = _compare(*pair)
            if verdict is None:
                open_pairs[pair] = _questions(*pair)
            else:
                verdicts[pair] = verdict
        replies = self._ask(list(dict.fromkeys(chain.from_iterable(open_pairs.values()))))
        self._refuse(
            {
                gold: self._unread()
                for (gold, _), questions in open_pairs.items()
                for question in questions
                if replies[question] == "gold"
            }
        )
        for pair, questions in open_pairs.items():
            verdicts[pair] = min(map(replies.get, questions), key=_PREFERENCE.index)
        return [verdicts[pair] for pair in pairs]

    def _ask(self, questions: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """What the workers reply to each question. A worker holds one question at a time."""
        replies: dict[tuple[str, str], str] = {}
        waiting = questions[::-1]
        try:
            while len(replies) < len(questions):
                self._hire(min(self._size, len(questions) - len(replies)))
                for worker in self._workers:
                    if waiting and worker.limit is None:
                        worker.ask(waiting.pop(), self._deadline + _GRACE)
                for worker, reply in self._listen():
                    if worker.question is not None:
                        replies[worker.question] = reply or "timeout"
                    elif not reply:
                        raise GradingError(
                            "grader: a worker stopped, or said nothing for "
                            f"{_START} s, before it was ready (its error is above); check that "
                            f"'{sys.executable} -c \"import math_verify\"' works"
                        )
                    worker.question = worker.limit = None
        except BaseException:
            self._stop()  # replies still on their way would be taken for those to later questions
            raise
        return replies

    def _unread(self) -> str:
        return f"math-verify reads no value within {self._deadline} s"

    def _refuse(self, reasons: dict[str, str]) -> None:
        if reasons:
            named = "; ".join(f"{gold!r}: {reason}" for gold, reason in reasons.items())
            raise GradingError(
                f"gold answers that no plain answer reaches: {named}. Expected a number, words, or "
                "an expression in LaTeX: correct the answer in the data set or drop the problem"
            )

    def _hire(self, size: int) -> None:
        """Start workers up to ``size``, in place of those that died while idle as well."""
        self._workers = [
            worker
            for worker in self._workers
            if worker.limit is not None or worker.process.poll() is None
        ]
        while len(self._workers) < size:
            self._workers.append(_Worker(self._deadline, self._memory))

    def _listen(self) -> list[tuple["_Worker", str]]:
        """Wait for a reply or a limit; a worker that is dead or late leaves with the reply ""."""
        busy = [worker for worker in self._workers if worker.limit is not None]
        patience = min(worker.limit for worker in busy) - time.monotonic()
        speaking = wait([worker.process.stdout for worker in busy], max(0.0, patience))
        heard = []
        for worker in busy:
            if worker.process.stdout in speaking:
                reply = worker.process.stdout.readline().decode().strip()
            elif time.monotonic() >= worker.limit:
                reply = ""
            else:
                continue
            if not reply:
                self._workers.remove(worker)
                worker.kill()
            heard.append((worker, reply))
        return heard

    def _stop(self) -> None:
        while self._workers:
            self._workers.pop().kill()


def _integer(text: str) -> str | None:
    """The canonical digits of a plain integer such as ``-1,234`` or ``\\$5``; None for the rest."""
    match = _INTEGER.fullmatch(text.strip())
    if match is None:
        return None
    digits = match[1].replace(",", "").lstrip("+-0")
    sign = "-" if match[1].startswith("-") else ""
    return sign + digits if digits else "0"


def _missed(answer: str, verdict: str) -> str:
    return f"its plainest answer {answer!r} is graded {verdict}"


def _lines(gold: str) -> list[str]:
    """The right answers of a gold: one on each line that is not blank."""
    return [line for line in gold.split("\n") if line.strip()]


def _compare(gold: str, answer: str | None) -> str | None:
    """The verdict where it takes no parsing; else None."""
    if answer is None or not answer.strip():
        return "unparsed"
    right, given = _integer(gold), _integer(answer)
    if right is not None and given is not None:
        return "correct" if right == given else "incorrect"
    given = tidy(answer)
    if not given:
        return "unparsed"
    same = [line == given or comparison.same(line, given) for line in map(tidy, _lines(gold))]
    if True in same:
        return "correct"
    return None if None in same or not same else "incorrect"


def _questions(gold: str, answer: str) -> list[tuple[str, str]]:
    """What a worker is asked about a pair that ``_compare`` leaves open."""
    given = tidy(answer)
    lines = [tidy(line) for line in _lines(gold) or [gold]]
    return [_question(line, given) for line in lines if comparison.same(line, given) is None]


def _question(gold: str, answer: str) -> tuple[str, str]:
    return comparison.expression(gold), comparison.expression(answer)


class _Worker:
    """A process that runs ``_serve``. ``limit`` (monotonic seconds) is None while it is idle."""

    def __init__(self, deadline: int, memory: int):
        # Not multiprocessing: a spawned child would run the main script again, which may be a
        # workflow's. -P keeps the working folder from shadowing modules.
        command = ["-P", "-W", "ignore", "-m", __spec__.name, str(deadline), str(memory)]
        path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "PYTHONHASHSEED": "0",  # sympy orders terms by hash; the same verdicts in every run
            "SYMPY_GROUND_TYPES": "python",  # gmpy2's arithmetic ignores alarms
            "MPMATH_NOGMPY": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
        )
        self.question: tuple[str, str] | None = None
        self.limit: float | None = time.monotonic() + _START

    def ask(self, question: tuple[str, str], seconds: float) -> None:
        self.question, self.limit = question, time.monotonic() + seconds
        with suppress(BrokenPipeError):  # it just died: the end of its output says so
            self.process.stdin.write(json.dumps(question).encode() + b"\n")

    def kill(self) -> None:
        with self.process:
            self.process.kill()


def _serve(deadline: int, memory: int) -> None:
    """The worker: a JSON pair per line on stdin, a verdict (or "gold": unreadable) per line out."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not be read as a verdict
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; end of input ends us
    with suppress(ValueError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    logging.disable(logging.CRITICAL)
    # Pays for imports before the first answer's clock runs; a broken installation of sympy or
    # antlr raises nothing and would turn every answer into "unparsed".
    if _judge(r"\sqrt{8}", r"2\sqrt{2}", _START) != "correct":
        sys.exit(r"grader: math-verify does not find \sqrt{8} and 2\sqrt{2} equal")
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        print(_judge(*json.loads(line), deadline), file=replies, flush=True)


def _judge(gold: str, answer: str, deadline: int) -> str:
    """math-verify's verdict on one pair, in the main thread: it needs the process's alarm."""
    from math_verify import verify
    from math_verify.errors import TimeoutException
    from math_verify.utils import timeout

    try:
        golds, answers = _parse(gold, deadline), _parse(answer, deadline)
        if all(isinstance(value, str) for value in golds):
            return "gold"
        if all(isinstance(value, str) for value in answers):
            return "unparsed"
        finer = timeout(timeout_seconds=deadline)(_finer)(golds)
        # Last first: the text, which math-verify appends, is compared at once, values may hang.
        right = verify(
            golds[::-1],
            answers[::-1],
            float_rounding=6 + finer,
            numeric_precision=15 + finer,
            allow_set_relation_comp=True,
            timeout_seconds=deadline,
            raise_on_error=True,
        )
        return "correct" if right else "incorrect"
    except (TimeoutException, MemoryError):
        return "timeout"
    except Exception:  # values that sympy cannot compare, which math-verify calls different
        return "incorrect"


def _finer(values: list) -> int:
    """How many decimals beyond the sixth a gold answer's values need: 0 if none is below 0.1.

    math-verify rounds to decimals, whatever the size, by which all small numbers are one.
    """
    from sympy import Float, MatrixBase, Set, Tuple
    from sympy.core.relational import Relational

    numbers: list = []
    for value in values:
        if isinstance(value, str):
            continue
        held = isinstance(value, Set | Tuple | Relational)
        for part in (
            value.args if held else list(value) if isinstance(value, MatrixBase) else [value]
        ):
            numbers += [part] if part.is_number else part.atoms(Float)
    sizes = [abs(number.evalf(3)) for number in numbers if number.is_finite]
    small = [float(size) for size in sizes if size.is_Float and 1e-300 < size < 0.1]
    return max([0, *(-1 - math.floor(math.log10(size)) for size in small)])


@functools.lru_cache(maxsize=4096)
def _parse(text: str, deadline: int) -> list:
    """Values and, last, the text as normalized; only strings where there is no value."""
    from math_verify import parse

    try:
        return parse(rf"\boxed{{{text}}}", parsing_timeout=deadline, raise_on_error=True)
    except MemoryError:
        raise
    except Exception:  # sympy raises many kinds; math-verify itself returns [] for all of them
        return []


if __name__ == "__main__":
    _serve(*map(int, sys.argv[1:]))
