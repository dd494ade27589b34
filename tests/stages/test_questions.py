"""Prompts: worked examples before the question, in turns or in plain text."""

import numpy as np
import pytest

from cliff_tokens.stages.questions import Plain, Questions

TEMPLATE = "Question: {question}\nAnswer: {answer}"
ASKED = {
    "system": "Think.",
    "max_tokens": 9,
    "samples": 2,
    "shots": [{"question": "1 + 1?", "answer": "It is 2."}],
    "plain": {"template": TEMPLATE, "until": "\n\n"},
}


class Writer:
    """A tokenizer that keeps the text it is given."""

    def plain_ids(self, text):
        self.text = text
        return np.array([1])

    def prompt_ids(self, question, system=None, shots=()):
        self.asked = (question, system, shots)
        return np.array([2])


def test_plain_text_ends_where_the_answer_begins():
    writer = Writer()
    assert Questions.of(ASKED).prompt_ids("2 + {answer}?", writer).tolist() == [1]
    assert writer.text == (
        "Think.\n\nQuestion: 1 + 1?\nAnswer: It is 2.\n\nQuestion: 2 + {answer}?\nAnswer:"
    )


def test_without_plain_text_the_examples_are_turns():
    writer = Writer()
    questions = Questions.of(ASKED | {"plain": None})
    assert questions.prompt_ids("2 + 3?", writer).tolist() == [2]
    assert writer.asked == ("2 + 3?", "Think.", (("1 + 1?", "It is 2."),))


@pytest.mark.parametrize(
    "template", ["{question}", "{answer} {question}", "{question} {question} {answer}", "{answer}"]
)
def test_a_template_has_a_question_and_then_an_answer(template):
    with pytest.raises(ValueError, match=r"expected \{question\} and, after it, \{answer\}"):
        Plain(template, "\n\n")


def test_an_example_that_would_end_a_response_is_refused():
    asked = ASKED | {"shots": [{"question": "1 + 1?", "answer": "One\n\nmore is 2."}]}
    with pytest.raises(ValueError, match=r"shots: the answer to '1 \+ 1\?' contains '\\n\\n'"):
        Questions.of(asked).prompt_ids("2 + 3?", Writer())
