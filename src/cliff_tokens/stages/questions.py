"""How the problems of a data set are asked: in turns or in plain text, after worked examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cliff_tokens.policies.tokenizer import ChatTokenizer

_QUESTION, _ANSWER = "{question}", "{answer}"


@dataclass(frozen=True)
class Plain:
    """A prompt of plain text, for models that know no turns.

    ``template`` holds {question} and then {answer}, each once; the prompt ends where the answer is
    to begin. ``until`` stands between examples, so that a model which goes on with one of its own
    writes it, and the response ends there.
    """

    template: str
    until: str

    def __post_init__(self):
        places = [self.template.find(mark) for mark in (_QUESTION, _ANSWER)]
        once = all(self.template.count(mark) == 1 for mark in (_QUESTION, _ANSWER))
        if not once or places[0] > places[1]:
            raise ValueError(
                f"plain.template: expected {_QUESTION} and, after it, {_ANSWER}, each once, found "
                f"{self.template!r}"
            )

    def prompt(self, question: str, system: str | None, shots: Sequence[tuple[str, str]]) -> str:
        """The text before the answer; ``shots`` are questions with their worked answers."""
        parts = [system] if system else []
        for asked, answer in shots:
            if self.until in answer:
                raise ValueError(
                    f"shots: the answer to {asked!r} contains {self.until!r} (plain.until), at "
                    "which a response would end; write it without, or choose another text"
                )
            parts.append(self._fill(asked, answer))
        # A trailing space would be a token of its own, where a response begins with one.
        parts.append(self._fill(question, "").rstrip(" "))
        return self.until.join(parts)

    def _fill(self, question: str, answer: str) -> str:
        before, rest = self.template.split(_QUESTION)
        middle, after = rest.split(_ANSWER)
        return f"{before}{question}{middle}{answer}{after if answer else ''}"


@dataclass(frozen=True)
class Questions:
    """How the problems of a data set are asked.

    Args:
        system: instruction before the question; None: there is none.
        max_tokens: limit on the whole response, end of sequence included.
        samples: answers to each problem.
        shots: worked examples that are shown first, each a question and its answer.
        plain: asks in plain text; None: in turns of the model's chat template.
    """

    system: str | None
    max_tokens: int
    samples: int
    shots: tuple[tuple[str, str], ...] = ()
    plain: Plain | None = None

    @classmethod
    def of(cls, asked: Mapping) -> "Questions":
        """From ``catalogue.questions``."""
        shots = tuple((shot["question"], shot["answer"]) for shot in asked["shots"])
        plain = Plain(**asked["plain"]) if asked["plain"] else None
        return cls(asked["system"], asked["max_tokens"], asked["samples"], shots, plain)

    def prompt_ids(self, question: str, tokenizer: ChatTokenizer) -> np.ndarray:
        """int32 token ids of the prompt, up to where the response begins."""
        if self.plain:
            return tokenizer.plain_ids(self.plain.prompt(question, self.system, self.shots))
        return tokenizer.prompt_ids(question, self.system, self.shots)
