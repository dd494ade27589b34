"""What is decided without a parser, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens.stages import comparison
from cliff_tokens.stages.normalization import tidy


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("5", "5 eggs", True),
        ("5", "6 eggs", False),
        ("x=5", "5", True),
        ("5", "x = 5 eggs", True),
        ("x=5", "x = 6", False),
        ("x=5", "y=5", None),
        ("Yes", "yes!", True),
        ("no solution", "no solutions", False),
        ("C", r"\text{(C)}", True),
        ("C", "option C", True),
        ("C", "(C) 42", True),
        ("C", "(D) 42", None),
        ("x", "x+1", None),
        ("3:30", "03:30 p.m.", True),
        ("3:30 pm", "15:30", True),
        ("3:30 pm", "3:30 am", False),
        ("3:30", "1:10", False),
        ("3:2", "6:4", None),
        (r"\sqrt{2} m", r"\sqrt{2} km", False),
        (r"\sqrt{2} m", "2 m", None),
        ("5", r"\sqrt{25}", None),
        ("(1,2)", "1, 2", None),
    ],
)
def test_only_numbers_times_and_words_are_decided(gold, answer, verdict):
    assert comparison.same(gold, answer) is verdict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2e-05", "0.00002"),
        ("1/3 cups", r"\frac{1}{3}"),
        ("12.50%", r"12.5\%"),
        (r"1,234\sqrt{2} cm", r"1234\sqrt{2}"),
        ("3, 5 and 7", "3, 5, 7"),
        ("x = 5", "x = 5"),
        ("(1,234)", "(1,234)"),
    ],
)
def test_a_parser_is_given_plain_numbers_and_no_unit(text, expected):
    assert comparison.expression(text) == expected


@pytest.mark.parametrize(
    ("gold", "plain"),
    [
        ("2e-05", "0.00002"),
        ("9 (apples)", "9"),
        ("x = 1,234", "1234"),
        (r"\text{Evelyn}", "evelyn"),
        (r"\sqrt{2} cm", r"\sqrt{2}"),
        ("y = 2x", "2x"),
    ],
)
def test_a_gold_has_a_plainest_answer(gold, plain):
    assert comparison.plainest(gold) == plain


@pytest.mark.parametrize(
    "gold",
    [
        *("5", "June", r"\text{June 20}", "3:30", "x = 5", r"\sin x + \cos x", r"2\pi r", "6xy"),
        r"f(x) = \begin{cases} x & \text{if } x > 0 \\ 0 \end{cases}",
        *("(1,2]", r"\operatorname{lcm}(2, x)"),
    ],
)
def test_a_gold_in_mathematics_or_in_words_is_not_refused(gold):
    assert comparison.refusal(gold) is None


@pytest.mark.parametrize(
    "gold",
    ["", "nan", "N/A", "9" * 301, "['2', '5']", "The answer is 5", "June 20", "a b c d e f g"],
)
def test_a_gold_that_says_more_than_a_value_is_refused(gold):
    assert comparison.refusal(gold)


_texts = st.text("12,. ()[]{}$%\\^=/-:aCx½²°五", max_size=30) | st.text(max_size=20)


@given(_texts, _texts)
def test_any_two_texts_can_be_compared(gold, answer):
    gold, answer = tidy(gold), tidy(answer)
    assert comparison.same(gold, answer) in (True, False, None)
    assert isinstance(comparison.expression(answer), str)
    assert isinstance(comparison.plainest(gold), str)
    assert comparison.refusal(gold) is None or comparison.refusal(gold)
