r"""Where an answer is read from: the last ``\boxed{...}`` of a response, or what a data set says.

A response may also be over before its text is: where problems are asked as plain text, a model goes
on with a next problem of its own, and what it writes there is no answer to this one.
"""

from dataclasses import dataclass

import pandas as pd

LONGEST_ANSWER = 300  # characters
BOX = "box"


@dataclass(frozen=True)
class Extraction:
    """How the answer is found in a response.

    ``answer_from`` is "box". A response is over before the first ``until``; None: at its end.
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
    r"""The content of the last ``\boxed{...}``, stripped.

    None when there is no box, when the last one is empty, longer than ``LONGEST_ANSWER`` or never
    closed: a text cut inside its answer has none, whatever it boxed before.
    """
    if answer_from != BOX:
        raise ValueError(f"answer_from: {answer_from!r} is not known; expected {BOX}")
    start = text.rfind(r"\boxed")
    brace = start + len(r"\boxed")
    if start < 0 or text[brace : brace + 1] != "{":
        return None
    content = text[brace + 1 : brace + 2 + LONGEST_ANSWER]
    depth, escaped = 1, False
    for place, character in enumerate(content):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return content[:place].strip() or None
    return None
