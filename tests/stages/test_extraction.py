"""Where an answer is read from, and where a response ends."""

import re

import pandas as pd
import pytest
import yaml
from helpers.repository import ROOT
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
        (r"\boxed {42}", "42"),
        ("\\boxed\n{42}", "42"),
        (r"\fbox{42}", "42"),
        (r"$\boxed 5$.", "5"),
        (r"\(\boxed 5\)", "5"),
        (r"so \boxed5.", "5"),
        (r"\boxed \frac{1}{2}.", r"\frac{1}{2}"),
        (r"\boxed \frac{1}{2", None),
        (r"\boxedx{5}", None),
        (r"\boxed{" + "9" * 300 + "}", "9" * 300),
        (r"\boxed{" + "9" * 301 + "}", None),
    ],
)
def test_the_last_box_decides(text, answer):
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{3}, \boxed{5} and \boxed{7}.", "3, 5, 7"),
        (r"$\boxed{3}$, $\boxed{5}$", "3, 5"),
        (r"\(\boxed{3}\); \(\boxed{5}\)", "3, 5"),
        (r"\boxed{3}\text{ or }\boxed{5}", "3, 5"),
        (r"\boxed{3},\quad\boxed{5}", "3, 5"),
        (r"\boxed{3}, and \fbox{5}", "3, 5"),
        ("\\boxed{3},\n\\boxed{5}", "3, 5"),
        (r"\boxed{3} or \boxed{3}", "3"),
        (r"\boxed{1}. So \boxed{3} or \boxed{5}", "3, 5"),
        # Others are not one answer.
        (r"\boxed{3} \boxed{5}", "5"),
        (r"\boxed{3} = \boxed{5}", "5"),
        (r"\boxed{3} and then \boxed{5}", "5"),
        (r"\boxed{3}. And \boxed{5}", "5"),
        ("\\boxed{3}\n\\boxed{5}", "5"),
        ("\\boxed{3},\n\n\\boxed{5}", "5"),
        (r"\boxed{3}, \boxed{}", None),
        (r"\boxed{3}, \boxed{5", None),
        (r"\boxed{}, \boxed{5}", "5"),
        (r"\boxed{" + "9" * 200 + r"}, \boxed{" + "8" * 200 + "}", None),
    ],
)
def test_boxes_with_only_separators_between_them_are_a_set(text, answer):
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so = 1,234.50.", "1,234.50"),
        ("He pays $5", "$5"),
        ("that is -$5.", "-$5"),
        ("10 or 2/3.", "2/3"),
        ("on 12/5/2020", "2020"),
        ("about 3 1/2 cups", "3 1/2"),
        ("5-3", "3"),
        ("5 - 3", "3"),
        ("x = -3", "-3"),
        ("x = - 3", "- 3"),
        ("it is −7", "−7"),
        ("(-3)", "-3"),
        ("99.9%.", "99.9%"),
        (r"50\% of it", r"50\%"),
        (r"$-\frac{3}{4}$", r"-\frac{3}{4}"),
        (r"-1\frac{1}{2}", r"-1\frac{1}{2}"),
        (r"2 \times 10^{5} m", r"2 \times 10^{5}"),
        ("1.5e-3", "1.5e-3"),
        ("is 5kg", "5"),
        (".5", ".5"),
        ("10,11,12", "12"),
        ("1,234,5", "5"),
        ("5.", "5"),
        ("**42**", "42"),
        ("答案是４２。", "４２"),
        ("1 " * 200 + "so 42." + " no more" * 100, "42"),
        ("H2O", None),
        ("none", None),
        ("", None),
        ("9" * 301, None),
    ],
)
def test_the_last_number_is_found_with_all_that_belongs_to_it(text, answer):
    assert extract(text, "last_number") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("12 + 60\n#### 72", "72"),
        ("#### 5\n#### 70,000 ", "70,000"),
        ("#### 72\nand 5", "72"),
        ("####: **42**.", "42"),
        ("#### **$5$**.", "5"),
        (r"#### \(\frac{1}{2}\).", r"\frac{1}{2}"),
        (r"#### $\boxed{5}$.", "5"),
        (r"#### so \boxed{3} or \boxed{5}", "3, 5"),
        ("#### $5", "$5"),
        ("#### 3.5", "3.5"),
        ("#### 1, 2, ...", "1, 2, ..."),
        ("####\n5", None),
        ("#### 5\n####", None),
        (r"#### \boxed{5", None),
        ("5", None),
        ("#### " + "9" * 301, None),
    ],
)
def test_an_answer_follows_its_phrase(text, answer):
    assert extract(text, "after:####") == answer


def test_a_phrase_may_have_blanks():
    assert extract("The answer is: **C**.", "after:The answer is") == "C"
    assert Extraction("after:The answer is", "Q:").extract("The answer is 4.\nQ: 1?") == "4"


@pytest.mark.parametrize("rule", ["", "boxes", "after:", "after: "])
def test_a_rule_that_is_not_known_is_refused(rule):
    with pytest.raises(ValueError, match="expected box, last_number or after:PHRASE"):
        extract("5", rule)


SCHEMA = yaml.safe_load(
    (ROOT / "workflow/schemas/datasets.schema.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        ("box", True),
        ("last_number", True),
        ("after:####", True),
        ("after:The answer is", True),
        ("after:", False),
        ("after: ", False),
        ("boxed", False),
    ],
)
def test_a_catalogue_may_name_the_rules_that_are_known(rule, known):
    keys = SCHEMA["additionalProperties"]["properties"]
    assert bool(re.search(keys["answer_from"]["pattern"], rule)) == known


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
