r"""Where an answer is read from: the last ``\boxed{...}`` of a response, or what a data set says.

Several boxes that only commas, semicolons, "and" or "or" separate are one answer, a set of values;
of all others the last decides. A response may also be over before its text is: where problems are
asked as plain text, a model goes on with a next problem of its own, and what it writes there is no
answer to this one.
"""

import re
from dataclasses import dataclass

import pandas as pd

from cliff_tokens.stages.normalization import LONGEST_ANSWER

BOX = "box"
LAST_NUMBER = "last_number"
AFTER = "after:"

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*")
_BETWEEN_BOXES = re.compile(
    r"(?:\$|\\[()\[\],;: ]|\\q?quad|~|[ \t]|\n(?!\s*\n))*"
    r"(?:(?:[,;]|\\(?:text|mbox|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}|(?:and|or)\b)"
    r"(?:\$|\\[()\[\],;: ]|\\q?quad|~|[ \t]|\n(?!\s*\n))*)+"
)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d|,\d)|\d+)(?:\.\d+)?|\.\d+"
_EXPONENT = r"(?:[eE][+-]?\d+(?!\w)|\s?(?:\\times|\\cdot|[×x*])\s?10\^(?:\{-?\d+\}|-?\d+))"
_FRACTION = r"\\[dt]?frac\s*\{\s*[+-]?[\d.]+\s*\}\s*\{\s*[\d.]+\s*\}"
# A sign after a digit, a letter or a bracket is an operator: the last number of "5-3" is 3.
_NUMBER = re.compile(
    rf"(?:(?<![\w.)}}\]])[-−+](?=\\?\$?[\d.\\])|(?<=[=(:] )[-−+]\s)?\\?\$?"
    rf"(?:(?<![\w./])(?:\d+\s)?\d+/\d+(?![\d/])"
    rf"|(?<![\w.])\d*\s?{_FRACTION}|{_FRACTION}"
    rf"|(?<![A-Za-z\d_])(?:{_DIGITS}){_EXPONENT}?)(?:\s?\\?%)?"
)
_LAST_DIGIT = re.compile(r"\d\D*\Z")


@dataclass(frozen=True)
class Extraction:
    r"""How the answer is found in a response.

    ``answer_from`` is "box", "last_number" or "after:PHRASE", as ``extract`` says. A response is
    over before the first ``until``; None: at its end.
    """

    answer_from: str = BOX
    until: str | None = None

    @classmethod
    def of(cls, problems: pd.DataFrame) -> "Extraction":
        """That of a data set, from rows of its ``problems`` table."""
        ((answer_from, until),) = {
            (rule, None if pd.isna(text) else text)
            for rule, text in zip(problems["answer_from"], problems["until"], strict=True)
        }
        return cls(answer_from, until)

    def extract(self, text: str) -> str | None:
        """The answer in a response; None where there is none."""
        if self.until is not None:
            text = text.partition(self.until)[0]
        return extract(text, self.answer_from)


def extract(text: str, answer_from: str = BOX) -> str | None:
    r"""The answer in a text; None where there is none or it exceeds ``LONGEST_ANSWER``.

    "box": the content of the last box (``\boxed{5}``, ``\boxed 5``, ``\fbox{5}``), or of the last
    boxes joined by ", " where only separators stand between them. None where the last one is empty
    or never closed: a text cut inside its answer has none, whatever it boxed before.
    "last_number": the last number, with its sign, thousands, decimals, fraction bar, power of ten
    and percent sign. "after:PHRASE": what follows the last PHRASE on its line, the box in it where
    there is one, without marks of mathematics or emphasis around it and without a full stop.
    Raises ValueError for other rules.
    """
    if answer_from == BOX:
        answer = _boxed(text)
    elif answer_from == LAST_NUMBER:
        answer = _last_number(text)
    elif answer_from.startswith(AFTER) and answer_from.removeprefix(AFTER).strip():
        answer = _after(text, answer_from.removeprefix(AFTER).strip())
    else:
        raise ValueError(
            f"answer_from: {answer_from!r} is not known; expected {BOX}, {LAST_NUMBER} or "
            f"{AFTER}PHRASE, such as 'after:####'"
        )
    return answer if answer and len(answer) <= LONGEST_ANSWER else None


def _boxed(text: str) -> str | None:
    """The content of the last box, or of the boxes that form a set with it."""
    contents: list[str] = []
    following = None
    for box in reversed(list(_BOX.finditer(text))):
        if following is not None and len(text[box.end() : following]) > 2 * LONGEST_ANSWER:
            break
        content, end = _content(text, box.end())
        if following is not None and not (
            content and end <= following and _BETWEEN_BOXES.fullmatch(text, end, following)
        ):
            break
        if not content:
            return None
        contents.append(content)
        following = box.start()
    return ", ".join(dict.fromkeys(reversed(contents))) or None


def _content(text: str, start: int) -> tuple[str | None, int]:
    """What is boxed from ``start`` on, and where the box ends; None where it is never closed."""
    braced = text[start : start + 1] == "{"
    depth, escaped = 0, False
    for place in range(start, min(len(text), start + LONGEST_ANSWER + 2)):
        character = text[place]
        if escaped:
            escaped = False
        elif character == "\\" and (braced or depth or text[place + 1 : place + 2] not in ")]"):
            escaped = True
        elif character == "{":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if braced and depth == 0:
                return text[start + 1 : place].strip(), place + 1
        elif not braced and depth == 0 and (character.isspace() or character in "$\\}"):
            return text[start:place].rstrip(".,;:"), place
    if braced or depth:
        return None, len(text)
    return text[start : start + LONGEST_ANSWER + 1].rstrip(".,;:"), len(text)


def _last_number(text: str) -> str | None:
    end = _LAST_DIGIT.search(text)
    text = text[max(0, end.start() - LONGEST_ANSWER) :] if end else ""
    numbers = [found[0].strip() for found in _NUMBER.finditer(text)]
    return numbers[-1] if numbers else None


def _after(text: str, phrase: str) -> str | None:
    _, found, rest = text.rpartition(phrase)
    line = rest.partition("\n")[0] if found else ""
    if _BOX.search(line):
        return _boxed(line)
    bare = None
    while line != bare:
        bare = line
        line = line.strip().strip("*`").removeprefix(":").strip()
        line = re.sub(r"(?<![.\\])\.$", "", line)
        line = re.sub(r"^\\\((.*)\\\)$|^\\\[(.*)\\\]$", lambda m: m[1] or m[2] or "", line)
        line = re.sub(r"^(\${1,2})([^$]*)\1$", r"\2", line)
    return line or None
