"""Where an answer is read from, and where a response ends."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens.stages.extraction import Extraction, extract


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5}.", "5"),
        (r"\boxed{1} then \boxed{2}", "2"),
        (r"\boxed{ \frac{1}{2} }", r"\frac{1}{2}"),
        (r"\boxed{x = \boxed{5}}", "5"),
        (r"\boxed{\left\{ x^2 \right.}", r"\left\{ x^2 \right."),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{1\\2}", r"1\\2"),
        ("the answer is 5", None),
        ("", None),
        (r"\boxed{}", None),
        (r"\boxed{  }", None),
        (r"\boxed{4} and then \boxed{5", None),
        (r"\boxed{4} and then \boxed{\frac{1}{2}", None),
        (r"\boxed{4} and then \boxed", None),
        (r"\boxed{4} and then \boxed{" + "\\", None),
        (r"\boxed{" + "9" * 300 + "}", "9" * 300),
        (r"\boxed{" + "9" * 301 + "}", None),
    ],
)
def test_the_last_box_decides(text, answer):
    assert extract(text) == answer


@given(before=st.text(), content=st.text("1x ^+", max_size=300), after=st.text("boxed {}."))
def test_what_was_boxed_is_found(before, content, after):
    assert extract(rf"{before}\boxed{{{content}}}{after}") == (content.strip() or None)


def test_what_follows_the_end_of_a_response_is_not_read():
    text = r"so \boxed{4}." + "\n\nQuestion: 2 + 3?\nAnswer: " + r"\boxed{5}"
    assert Extraction().extract(text) == "5"
    assert Extraction(until="\n\n").extract(text) == "4"
    assert Extraction(until="\n\n").extract("hm\n\n" + text) is None


def test_a_data_set_says_how_its_answers_are_found():
    problems = pd.DataFrame({"answer_from": ["box", "box"], "until": ["\n\n", "\n\n"]})
    assert Extraction.of(problems) == Extraction("box", "\n\n")
    assert Extraction.of(problems.assign(until=None)) == Extraction("box", None)
