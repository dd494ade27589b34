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
    ("gold", "answer", "verdict"),
    [
        *(("Evelyn", "5", False), ("Evelyn", r"\frac{1}{2}x", False), ("Evelyn", "Evelyne", False)),
        *(("cat", "act", False), ("no", "on", False), ("true", "1", False), ("sí", "no", False)),
        *(("верно", "неверно", False), ("是", "对", False), ("हाँ", "है", False)),
        *(("Café", "cafe\u0301", True), ("Evelyn", r"\{Evelyn\}", True), ("odd", "x = odd", True)),
    ],
)
def test_words_are_those_words_and_no_other_text(gold, answer, verdict):
    assert comparison.same(gold, answer) is verdict


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        *(("-i", "i", None), ("n", "-n", None), ("x!", "x", None), ("p - q", "p q", None)),
        *(("(a, b)", "a, b", None), ("ab", "ba", None), ("cos x sin x", "sin x cos x", None)),
        *(("Δ", r"\Delta", None), ("infinity", r"\infty", None)),
        *(("K", r"\text{(K)}", True), ("II", "(II)", True), ("AB", r"\text{ab}", True)),
        *(("ab", "odd numbers", False), ("C", "the answer is C", None)),
    ],
)
def test_letters_that_are_no_words_are_mathematics(gold, answer, verdict):
    assert comparison.same(gold, answer) is verdict


@pytest.mark.parametrize(
    ("gold", "needed"),
    [
        *(("Evelyn", False), ("sí", False), ("no solution", False), ("3:30", False)),
        *(("x = odd", True), ("ab", True), ("C", True), ("5", True), ("ñ", True), ("and", True)),
    ],
)
def test_only_words_and_times_never_need_a_parser(gold, needed):
    assert comparison.needs_parser(gold) is needed


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
        *("(1,2]", r"\operatorname{lcm}(2, x)", "1 1/2", "-1 12/5", r"1 \frac{1}{2}", r"\frac 1 2"),
        *("3 hours 20 minutes", r"\text{June 20 2020}", "1, 2, 3", "(3, -5)", "-7", "12 - 5i"),
        *(r"2-\sqrt{3}", "2^{3-1}", "5/3", "3:2", "1.5", r"2 \times 10^5", "10 (apples)"),
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


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        ("2 3", "it has two numbers side by side ('2 3'); keep one, or put a comma between"),
        ("5 5", "side by side"),
        ("x = 1/2 3", "side by side ('2 3')"),
        (r"\begin{pmatrix} 1 2 \\ 3 4 \end{pmatrix}", "side by side"),
        ("555 1234", "side by side"),
        ("5 (6)", "side by side"),
        ("2020-01-02", "'2020-01-02' may be a date, a range or a difference"),
        ("555-1234", "'555-1234' may be a date"),
        ("12-25", "'12-25' may be a date"),
        ("x = 7 - 3", "'7 - 3' may be a date"),
        ("3-5 days", "'3-5' may be a date"),
        (r"\$5-\$10, 3", r"'\\$5-\\$10' may be a date"),
        ("10:30-11:00", "may be a date"),
        ("12/25/2020", "may be a date"),
        ("2.1.2020", "may be a date"),
        (
            "5 (or 6)",
            "it has another answer in brackets; keep one, or give a list of right answers",
        ),
        (r"5 \text{ (or } x)", "another answer in brackets"),
        ("Eve (or Evelyn)", "another answer in brackets"),
        ("5 (and 6)", "another answer in brackets"),
        ("五", "it is a number in words ('五'); write it in digits"),
        ("Five", "it is a number in words ('five'); write it in digits"),
    ],
)
def test_a_gold_that_may_mean_several_things_is_refused_with_the_reason(gold, reason):
    assert reason in comparison.refusal(gold)


_texts = st.text("12,. ()[]{}$%\\^=/-:aCx½²°五", max_size=30) | st.text(max_size=20)


@given(_texts, _texts)
def test_any_two_texts_can_be_compared(gold, answer):
    gold, answer = tidy(gold), tidy(answer)
    assert comparison.same(gold, answer) in (True, False, None)
    assert isinstance(comparison.expression(answer), str)
    assert isinstance(comparison.plainest(gold), str)
    assert comparison.refusal(gold) is None or comparison.refusal(gold)
