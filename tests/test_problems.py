"""What may be asked, and what is refused before anything is sampled."""

import pandas as pd
import pytest

from cliff_tokens import problems
from cliff_tokens.grading import GradingError

ENTRY = {"generator": "chains", "split": "test", "problems": 5}


def asked(**changes):
    row = {"problem_id": ["a", "b"], "question": ["1+1?", "1+2?"], "answer": ["2", "3"]}
    return pd.DataFrame({**row, **changes})


def test_a_limit_takes_the_first_problems_of_the_same_set():
    every = problems.select("chains", ENTRY, None, seed=1)
    some = problems.select("chains", ENTRY, 2, seed=1)
    assert len(every) == 5
    assert some.equals(every.head(2))
    assert every["dataset"].unique().tolist() == ["chains"]


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="the data set is empty"):
        problems.check(asked().head(0))


def test_a_repeated_question_is_refused_by_its_id():
    with pytest.raises(ValueError, match="b repeats another's question"):
        problems.check(asked(question=["1+1?", "1+1?"]))


def test_a_gold_answer_that_does_not_parse_is_refused_by_its_text():
    with pytest.raises(GradingError, match="overline"):
        problems.check(asked(answer=["2", r"0.\overline{43}"]))


def test_a_set_from_the_hub_says_that_it_cannot_be_fetched_yet():
    with pytest.raises(ValueError, match=r"gsm1k: this version cannot fetch .*ScaleAI/gsm1k"):
        problems.select("gsm1k", {"hub": "ScaleAI/gsm1k"}, None, seed=1)
