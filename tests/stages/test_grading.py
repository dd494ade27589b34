import csv
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import math_verify
import pytest
from helpers.repository import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from cliff_tokens.stages import grading
from cliff_tokens.stages.grading import VERDICTS, Grader, GradingError

with open(ROOT / "tests/data/answers.csv", newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
TABLE = [(row["gold"], row["answer"], row["verdict"]) for row in ROWS]

HUNG = "99999999!"


@pytest.fixture(scope="module")
def grader():
    # On a busy machine some answers of the table take half a second; the hung ones take it all.
    with Grader(workers=2, deadline=5) as grader:
        yield grader


def test_every_row_of_the_table_gets_its_verdict(grader):
    verdicts = grader.grade([(gold, answer) for gold, answer, _ in TABLE])
    assert [(*row[:2], verdict) for row, verdict in zip(TABLE, verdicts, strict=True)] == TABLE
    assert set(verdicts) == set(VERDICTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['gold']} {row['answer']}")
def test_the_table_says_where_verdicts_differ_from_those_of_math_verify_alone(row):
    if row["verdict"] == "timeout":
        pytest.skip("math-verify alone may not come back")
    assert bool(row["reason"]) == (alone(row["gold"], row["answer"]) != row["verdict"])


def test_the_page_counts_the_table():
    page = (ROOT / "docs/grading.md").read_text(encoding="utf-8")
    reasons = Counter(row["reason"] for row in ROWS if row["reason"])
    assert f"has {len(ROWS)} pairs. In {reasons.total()} the verdict" in page
    shown = re.findall(r"^\| ([^|]+) \| (\d+) \|$", page, re.MULTILINE)
    assert {reason: int(count) for reason, count in shown} == reasons


def alone(gold, answer):
    """The verdict of math-verify by its own rules on the texts as they are."""
    golds, answers = grading._parse(gold, 5), grading._parse(answer, 5)
    if all(isinstance(value, str) for value in answers):
        return "unparsed"
    try:
        right = math_verify.verify(golds[::-1], answers[::-1], raise_on_error=True)
    except Exception:
        return "incorrect"
    return "correct" if right else "incorrect"


def test_no_answer_is_unparsed(grader):
    assert grader.grade([("5", None), ("5", ""), ("5", " ")]) == ["unparsed"] * 3


_spellings = st.builds(
    lambda value, form, prefix, sign: f"{prefix}{sign}{form.format(value)}",
    st.integers(0, 12) | st.integers(990, 1010) | st.integers(0, 10**22),
    st.sampled_from(["{}", "{:,}", "00{}", "0{:,}", "{},000", "{}.0", "{:_}", "{:,}0", " {} "]),
    st.sampled_from(["", "", "$", r"\$"]),
    st.sampled_from(["", "", "-", "+"]),
)


@settings(max_examples=200, deadline=None)
@given(_spellings, _spellings)
def test_the_fast_path_agrees_with_math_verify(gold, answer):
    if grading._integer(gold) is not None and grading._integer(answer) is not None:
        assert grading._judge(gold, answer, 5) == grading._compare(gold, answer)


@settings(max_examples=50, deadline=None)
@given(st.integers(-(10**9), 10**9), _spellings.map(grading._integer).filter(bool), st.booleans())
def test_an_integer_equals_its_spellings_for_both(value, other, same):
    value = value if same else int(other)
    for answer in (f"{value:,}", f"{value:+}", rf"\${value}", f"${value:,}"):
        assert grading._compare(str(value), answer) == "correct"
        assert grading._judge(str(value), answer, 5) == "correct"


@pytest.mark.parametrize(
    "text", ["1_000", "٥", "１２", "1,2", "01,234", "+1,234", "1,234,5", "5.0", "5%", ""]
)
def test_only_plain_integers_take_the_fast_path(text):
    assert grading._integer(text) is None


def test_integers_start_no_worker():
    with Grader() as grader:
        grader.check_gold(["5", "70,000"])
        pairs = [("70,000", "70000"), ("5", "6"), ("x", "x"), ("0.5", "1/2"), ("5", "5 apples")]
        verdicts = ["correct", "incorrect", "correct", "correct", "correct"]
        assert grader.grade(pairs) == verdicts
        assert not grader._workers


def test_ordinary_answers_start_no_worker():
    answers = [
        form.format(number)
        for number in range(4000)
        for form in ("{}", "{:,}", "{}.", r"\$ {}", "{} apples")
    ]
    pairs = [(str(gold), answer) for answer in answers for gold in (7, 12, 70, 1000, 3999)]
    with Grader() as grader:
        assert grader.grade(pairs).count("correct") == 25
        assert not grader._workers
    assert len(pairs) == 100_000


def test_a_hung_answer_changes_one_row():
    good = [("5", r"\sqrt{25}"), (r"\frac{1}{2}", "2^{-1}"), ("5", "x"), ("2", r"\sqrt{4}")]
    with Grader(workers=1, deadline=3) as grader:
        assert grader.grade([*good[:2], ("5", HUNG), *good[2:]]) == [
            "correct",
            "correct",
            "timeout",
            "incorrect",
            "correct",
        ]


def test_a_worker_that_ignores_its_alarm_is_killed_and_replaced():
    with Grader(workers=1, deadline=3) as grader:
        assert grader.grade([("5", r"\sqrt{25}")]) == ["correct"]
        (stopped,) = grader._workers
        os.kill(stopped.process.pid, signal.SIGSTOP)
        # The first question goes to the stopped worker, the others to its successor.
        assert grader.grade([("6", r"\sqrt{36}"), ("7", r"\sqrt{49}"), ("8", r"\sqrt{65}")]) == [
            "timeout",
            "correct",
            "incorrect",
        ]
        assert stopped.process.returncode == -signal.SIGKILL


def test_a_worker_that_dies_of_an_answer_costs_that_answer(monkeypatch):
    ask = grading._Worker.ask

    def ask_and_die(worker, question, seconds):
        if question == ("7", "7^1"):
            worker.process.kill()
        ask(worker, question, seconds)

    monkeypatch.setattr(grading._Worker, "ask", ask_and_die)
    with Grader(workers=1) as grader:
        pairs = [(gold, f"{gold}^1") for gold in "5678"]
        assert grader.grade(pairs) == ["correct", "correct", "timeout", "correct"]


def test_a_worker_that_dies_while_idle_costs_nothing():
    with Grader(workers=1) as grader:
        grader.grade([("5", "5^1")])
        (killed,) = grader._workers
        killed.process.kill()
        killed.process.wait()
        assert grader.grade([("6", "6^1")]) == ["correct"]


def test_verdicts_do_not_depend_on_workers_or_order():
    pairs = [row[:2] for row in TABLE if row[2] != "timeout"]
    shuffled = random.Random(1).sample(pairs, len(pairs))
    with Grader(workers=1, deadline=10) as one, Grader(workers=3, deadline=10) as three:
        backward = dict(zip(shuffled, three.grade(shuffled), strict=True))
        assert dict(zip(pairs, one.grade(pairs), strict=True)) == backward


def test_a_repeated_pair_is_asked_once(grader, monkeypatch):
    asked = []
    ask = grading._Worker.ask
    monkeypatch.setattr(
        grading._Worker,
        "ask",
        lambda worker, question, seconds: (asked.append(question), ask(worker, question, seconds)),
    )
    assert grader.grade([("31", "31^1")] * 3) == ["correct"] * 3
    assert grader.grade([("31", "31^1")]) == ["correct"]
    assert asked == [("31", "31^1")]


@pytest.mark.parametrize("gold", ["", "?", r"\text{}"])
def test_a_gold_that_does_not_parse_is_refused_by_name(grader, gold):
    with pytest.raises(GradingError) as error:
        grader.check_gold(["5", r"\frac{1}{2}", gold])
    assert repr(gold) in str(error.value)
    with pytest.raises(GradingError) as error:
        grader.grade([("5", "5^1"), (gold, "5")])
    assert repr(gold) in str(error.value)


def test_golds_of_every_kind_are_accepted(grader):
    grader.check_gold(gold for gold, _, _ in TABLE)
    grader.check_gold(
        [r"11,\! 111", r"(2,12) \cup (12,102)", r"1 \pm \sqrt{19}", r"10\%", "2516_8"]
    )


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("2e-05", "0.00002"),
        ("-3.5e-07", "-0.00000035"),
        ("1.0000000000000002", "1"),
        ("1e+16", "10000000000000000"),
        ("9 (apples)", "9"),
        ("16 (boys); 14 (girls)", "16, 14"),
        ("1,234", "1234"),
        ("x = 5", "5"),
        (r"\$18.50", "18.5"),
        ("C", r"\text{(C)}"),
        (r"\text{June 20}", "June 20"),
        ("是", "是"),
        ("3:30", "3:30"),
        ("½", r"\frac{1}{2}"),
        (r"\frac{\sqrt{2}}{10^{20}}", r"\sqrt{2} \cdot 10^{-20}"),
    ],
)
def test_a_gold_that_is_accepted_is_reached_by_its_plain_answer(grader, gold, answer):
    assert grader.ungradable([gold]) == {}
    assert grader.grade([(gold, answer)]) == ["correct"]


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        ("", "it is empty"),
        (" \n ", "it is empty"),
        ("nan", "it says that there is none"),
        ('["2", "5"]', "it is a list as a program prints it"),
        ("['2', '5']", "it is a list as a program prints it"),
        ("The answer is 5", "it mixes words ('The') and mathematics"),
        ("about 5", "it mixes words ('about') and mathematics"),
        ("all even integers that are not prime", "it has 7 words"),
        ("?", "math-verify reads no value within 5 s"),
        ("2\n?", "math-verify reads no value within 5 s"),
        *((gold, "math-verify reads no value within 5 s") for gold in ("and", "or", "ñ")),
        ("x = apple", "math-verify reads no value within 5 s"),
        ("9" * 301, "it has 301 characters"),
        ("5 (or 6)", "it has another answer in brackets"),
        (r"0.\overline{43}", "math-verify reads no value within 5 s"),
    ],
)
def test_a_gold_that_no_plain_answer_reaches_is_named_with_the_reason(grader, gold, reason):
    (found,) = grader.ungradable(["5", gold, "9 (apples)"]).items()
    assert found[0] == gold
    assert reason in found[1]


@pytest.mark.parametrize(
    "gold", ["sí", "Café", "naïve", "верно", "是", "true", "no", "no solution"]
)
def test_words_are_graded_without_a_parser(gold):
    with Grader() as grader:
        assert grader.ungradable([gold]) == {}
        answers = [gold.upper(), "5", "zebra", "y = 7", r"\frac{1}{2}x"]
        assert grader.grade([(gold, answer) for answer in answers]) == [
            "correct",
            *["incorrect"] * 4,
        ]
        assert not grader._workers


_pieces = st.sampled_from(
    [
        *("sí", "верно", "五", "是", "हाँ", "نعم", "ñ", "Δ", "true", "and", "or", "no", "Evelyn"),
        *("x", "ab", "pi", "A", "5", "-3", "1,234", "0.5", "50%", "3:30", "2e-05", "km", "="),
        *("x=", ",", "(", ")", "/", "+", "-", ";", "?", r"\frac{1}{2}", r"\sqrt{2}", r"\pi"),
        *(r"\text{m}", r"\text{", r"\{", "}", r"\infty", r"\le", r"\approx", r"\emptyset"),
    ]
)
_any_texts = (
    st.text(max_size=6)
    | st.text("12,. ()[]{}$%\\=/-:aCx½°五йÉ", max_size=8)
    | st.lists(_pieces, max_size=4).map(" ".join)
    | st.lists(_pieces, max_size=3).map("".join)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_any_texts, max_size=8), st.lists(_any_texts, max_size=2))
def test_no_answer_makes_a_gold_unreadable_that_was_accepted(grader, golds, answers):
    refused = grader.ungradable(golds)
    accepted = [gold for gold in golds if gold not in refused]
    answers += ["5", "x + 1", "y = 7", "zebra", "3:30 pm", "?"]
    verdicts = grader.grade([(gold, answer) for gold in accepted for answer in answers])
    assert set(verdicts) <= set(VERDICTS)


def test_any_line_of_a_gold_is_right(grader):
    gold = "2\n5\n" + r"\sqrt{3}" + "\n"
    answers = ["2", "5 apples", r"\frac{3}{\sqrt{3}}", "2, 5", r"\sqrt{5}", None, "?"]
    assert grader.ungradable([gold]) == {}
    assert grader.grade([(gold, answer) for answer in answers]) == [
        "correct",
        "correct",
        "correct",
        "incorrect",
        "incorrect",
        "unparsed",
        "unparsed",
    ]


def test_a_line_that_times_out_leaves_the_verdict_open(grader):
    assert grader.grade([("5\nx", HUNG), (f"5\n{HUNG}", HUNG)]) == ["timeout", "correct"]


def test_an_interrupted_call_leaves_no_replies_behind(monkeypatch):
    listen = Grader._listen

    def interrupted(grader):
        listen(grader)
        if any(worker.question for worker in grader._workers):
            raise KeyboardInterrupt
        return [(worker, "ready") for worker in grader._workers]

    with Grader(workers=1) as grader:
        monkeypatch.setattr(Grader, "_listen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grader.grade([("5", "5^1")])
        monkeypatch.undo()
        assert grader.grade([("6", "6^2"), ("7", "7^1")]) == ["incorrect", "correct"]


@pytest.mark.parametrize(
    "setting", [{"deadline": 0.5}, {"deadline": 0}, {"workers": 0}, {"memory": 2**20}]
)
def test_settings_that_cannot_work_are_refused(setting):
    with pytest.raises(GradingError, match=next(iter(setting))):
        Grader(**setting)


def test_a_worker_runs_the_code_of_this_checkout(monkeypatch):
    seen = []

    def refuse(command, env, **_):
        seen.append(env["PYTHONPATH"].split(os.pathsep)[0])
        raise OSError

    monkeypatch.setattr(grading.subprocess, "Popen", refuse)
    with Grader() as grader, pytest.raises(OSError):  # noqa: PT011
        grader.grade([("5", "5^1")])
    assert (Path(seen[0]) / "cliff_tokens/stages/grading.py").samefile(grading.__file__)


def test_a_broken_math_verify_is_an_error_and_not_a_verdict(tmp_path, monkeypatch):
    package = tmp_path / "math_verify"
    package.mkdir()
    (package / "errors.py").write_text("class TimeoutException(BaseException): pass")
    (package / "__init__.py").write_text("def parse(*_, **__): return []\nverify = None")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Grader() as grader, pytest.raises(GradingError, match="before it was ready"):
        grader.grade([("5", "5^1")])


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from cliff_tokens.stages.grading import Grader\n"
        "with Grader() as grader:\n"
        "    print(grader.grade([('5', '5^1')]))\n"
        "print(sorted({'math_verify', 'sympy', 'torch', 'numpy'} & set(sys.modules)))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(script)]
    output = subprocess.check_output(command, env=environment, cwd=tmp_path, text=True)
    assert output.splitlines() == ["['correct']", "[]"]
