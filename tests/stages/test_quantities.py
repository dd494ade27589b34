"""Numbers with units, and when two are equal."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens.stages import quantities
from cliff_tokens.stages.quantities import Quantity, near, read


def value(text):
    ((one,), *_) = read(text)
    return one.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("-1,234.50", Fraction(-12345, 10)),
        ("12,34,567", 1234567),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("2e-05", Fraction(2, 100000)),
        ("1e+16", 10**16),
        (r"2 \times 10^{5}", 200000),
        ("2x10^-3", Fraction(2, 1000)),
        ("3/4", Fraction(3, 4)),
        ("-1 1/2", Fraction(-3, 2)),
        (r"1\frac{1}{2}", Fraction(3, 2)),
        (r"\frac12", Fraction(1, 2)),
        (r"\frac{-1}{2}", Fraction(-1, 2)),
        ("18 million", 18_000_000),
        ("5万", 50_000),
        ("5千元", 5_000),
        ("5千克", 5),
        ("x = 5", 5),
    ],
)
def test_a_number_is_exact(text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1/0", r"\frac{1}{0}", "1e999999", "9" * 301, "5!", "5(", "5 - 3", "3:30"),
        *("5x", "5 x", "5 xy", "5 xyz", "2 pi", "5 squared", "3 halves", "5 is wrong", "5个半"),
        *("(1, 2)", r"\{1, 2\}", "x=1, y=2"),
    ],
)
def test_other_texts_are_no_numbers(text):
    assert read(text) == ()


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5", set()),
        ("18 eggs", {"egg"}),
        ("18eggs", {"egg"}),
        ("9 (red apples)", {"red", "apple"}),
        ("5 boxes of cherries", {"box", "cherry"}),
        (r"5\text{ cm}^2", {"square", "cm"}),
        ("5 m/s", {"m", "per", "second"}),
        ("5 km per hour", {"km", "per", "hour"}),
        ("5 mph", {"mile", "per", "hour"}),
        (r"\$5", {"$"}),
        ("5 dollars", {"$"}),
        (r"5^\circ C", {"degree", "celsius"}),
        ("5 p.m.", {"pm"}),
        ("17-year-old", {"year", "old"}),
        ("50% of students", {"student"}),
        ("5th", set()),
        ("5 厘米", {"cm"}),
        ("101_{2}", {"2 base"}),
        (r"3 \pmod{7}", {"7 mod"}),
    ],
)
def test_words_after_a_number_are_its_unit(text, unit):
    assert read(text)[0][0].unit == unit


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("", "apple", True),
        ("apple", "apple", True),
        ("red apple", "apple", True),
        ("apple", "orange", False),
        ("m", "square m", False),
        ("m", "km", False),
        ("degree", "degree celsius", True),
    ],
)
def test_units_agree_where_one_says_no_more_than_the_other(one, other, same):
    one, other = frozenset(one.split()), frozenset(other.split())
    assert quantities.same_unit(one, other) is same
    assert quantities.same_unit(other, one) is same


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        (Fraction(1, 3), "0.333333", True),
        (Fraction(1, 3), "0.33333", False),
        (Fraction(1, 6), "0.166667", True),
        (Fraction(1, 6), "0.166666", False),
        (1234567, "1234567.0000005", True),
        (1234567, "1234567.0000006", False),
        (Fraction(4, 10**7), "0.0000004000002", True),
        (Fraction(4, 10**7), "0.000000400001", False),
        (Fraction(4, 10**7), "0", False),
        (0, "0.000000000001", False),
        (0, "0", True),
    ],
)
def test_near_is_six_decimals_and_six_digits_of_small_numbers(gold, answer, expected):
    assert near(Fraction(gold), Fraction(answer)) is expected
    assert near(-Fraction(gold), -Fraction(answer)) is expected


def test_whole_numbers_and_fractions_have_no_tolerance():
    (gold,), (answer,) = read("1/3")[0], read("333333/1000000")[0]
    assert not quantities.equal(gold, answer)


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("50%", "0.5", True),
        ("50%", "50", True),
        ("0.5%", "0.5", True),
        ("0.5", "50%", True),
        ("0.5", "0.5%", False),
        ("50", "50%", True),
        ("12.5", "12.5%", True),
        ("12.5%", "12.4%", False),
    ],
)
def test_a_percentage_is_its_share_or_its_number_where_that_is_no_share(gold, answer, expected):
    assert quantities.match(read(gold)[0], read(answer)[0]) is expected


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("3, 5 and 7", "7; 5; 3", True),
        ("3, 5", "3, 5, 7", False),
        ("1, 1, 2", "1, 2", True),
        (r"\pm 3", "x = 3 or x = -3", True),
        ("5 boys, 5 girls", "5, 5", True),
        ("16 boys, 14 girls", "14 girls and 16 boys", True),
        ("16 boys, 14 girls", "14 boys and 16 girls", False),
    ],
)
def test_a_list_is_a_set_of_numbers_each_with_its_unit(gold, answer, expected):
    assert quantities.match(read(gold)[0], read(answer)[0]) is expected


def test_a_list_in_which_much_is_equal_is_matched_at_once():
    # Tried in every order, forty numbers would take longer than the universe has.
    assert quantities.match(read(", ".join(["1"] * 40))[0], read(", ".join(["1"] * 40))[0])
    assert not quantities.match(
        read(", ".join(["1"] * 39 + ["2"]))[0], read(", ".join(["1"] * 39 + ["3"]))[0]
    )


def test_digits_in_groups_are_one_number_or_a_list():
    assert [[one.value for one in reading] for reading in read("100,200")] == [[100200], [100, 200]]
    assert len(read("1,2")) == 1


@given(st.fractions(), st.booleans())
def test_the_plainest_text_of_a_number_is_read_as_that_number(number, percent):
    one = Quantity(number, False, percent, frozenset())
    ((back,), *_) = read(one.text())
    assert (back.value, back.percent) == (number, percent)


@pytest.mark.parametrize(
    ("text", "head", "unit"),
    [
        (r"3\sqrt{2} widgets", r"3\sqrt{2}", {"widget"}),
        (r"6\pi \text{ cm}^{2}", r"6\pi", {"square", "cm"}),
        (r"\sqrt{2}", r"\sqrt{2}", set()),
        (r"5\text{ squared}", "5 squared", set()),
        ("x^2 + 3x", "x^2 + 3x", set()),
    ],
)
def test_an_expression_is_parted_from_its_unit(text, head, unit):
    assert quantities.split_unit(text) == (head, unit)
