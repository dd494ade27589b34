"""Texts in plain LaTeX."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens.stages.normalization import joined, tidy


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("½", r"\frac{1}{2}"),
        ("1½", r"1\frac{1}{2}"),
        ("√3", r"\sqrt{3}"),
        ("2√(x+1)", r"2\sqrt{x+1}"),
        ("x²", "x^{2}"),
        ("10⁻⁵", "10^{-5}"),
        ("x₁", "x_{1}"),
        ("35°", r"35^\circ"),
        (r"35^{\circ}", r"35^\circ"),
        ("20 ℃", r"20 ^\circ C"),
        ("π", r"\pi"),
        ("2πr", r"2\pi r"),
        ("x ≤ 3", r"x \le 3"),
        ("１２，３", "12,3"),
        ("𝟓", "5"),
        ("٥", "5"),
        ("5％", "5%"),
        ("−3", "-3"),
        ("–3", "-3"),
        ("3–5", "3–5"),
        ("5\u200b\ufeff", "5"),
        ("1\u202f234", "1234"),
        ("1\u00a0234 eggs", "1234 eggs"),
        (r"1\,234", "1234"),
        ("1{,}234", "1234"),
        (r"1,\!234", "1,234"),
        ("1_000", "1000"),
        ("1 1/2", "1 1/2"),
        ("1 234/5", "1 234/5"),
        ("**42**", "42"),
        ("the **42** eggs", "the 42 eggs"),
        ("`42`", "42"),
        ("2**10", "2^{10}"),
        ("2**3 + 3**2", "2^{3} + 3^{2}"),
        ("2*3*4", "2*3*4"),
        ("$5$", "5"),
        ("$$5$$", "5"),
        (r"\(5\)", "5"),
        (r"\[5\]", "5"),
        ("$5", "$5"),
        (r"\$5", r"\$5"),
        ("$2$, $5$", "2, 5"),
        (r"\text{5}", "5"),
        (r"\mathrm{cm}", r"\text{cm}"),
        (r"\boxed{5}", "5"),
        (r"\color{red}{5}", "5"),
        (r"\underline{5}", "5"),
        (r"5 \\", "5"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\left(1,2\right]", "(1,2]"),
        ("5.", "5"),
        ("5!", "5!"),
        ("5?", "5?"),
        ("", ""),
        (".", ""),
    ],
)
def test_a_text_is_brought_into_plain_latex(text, plain):
    assert tidy(text) == plain


@pytest.mark.parametrize(
    "text",
    ["5", "-1.5", r"\frac{1}{2}", "(1,2)", r"x^2 + \sqrt{3}", r"\begin{pmatrix}1\\2\end{pmatrix}"],
)
def test_plain_latex_stays(text):
    assert tidy(text) == text


@given(st.text(max_size=40))
def test_any_text_can_be_tidied(text):
    assert isinstance(tidy(text), str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1,234,567", "x = 1234567"),
        (r"1,234\sqrt{2}", r"1234\sqrt{2}"),
        ("1,2", "1,2"),
        ("01,234", "01,234"),
        ("1,2345", "1,2345"),
        ("(1,234)", "(1,234)"),
        (r"\{100,200\}", r"\{100,200\}"),
    ],
)
def test_commas_between_thousands_go_where_they_part_no_list(text, expected):
    assert joined(text) == expected
