"""The scorecard: words follow from intervals, and nothing is compared that is not the same."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens import scorecard
from cliff_tokens.scorecard import AGREES, DIFFERS, UNDECIDED, UNMEASURED, Claim, Finding


def finding(low, high, value=None, n=10):
    return Finding("", (low + high) / 2 if value is None else value, low, high, n)


@pytest.mark.parametrize(
    ("side", "low", "high", "word"),
    [
        ("above", 0.1, 0.3, AGREES),
        ("above", -0.3, -0.1, DIFFERS),
        ("above", -0.1, 0.3, UNDECIDED),
        ("above", 0.0, 0.3, UNDECIDED),  # an interval that touches the bound excludes nothing
        ("below", -0.3, -0.1, AGREES),
        ("below", 0.1, 0.3, DIFFERS),
        ("below", -0.3, 0.1, UNDECIDED),
        ("equals", -0.1, 0.1, AGREES),
        ("equals", 0.1, 0.3, DIFFERS),
        ("above", np.nan, np.nan, UNDECIDED),
    ],
)
def test_the_interval_decides_the_word_of_a_claim(side, low, high, word):
    value = 0.2 if np.isnan(low) else None
    assert Claim("", side, 0, None).word(finding(low, high, value)) == word


def test_what_was_not_measured_has_no_word_but_that():
    claim = Claim("", "above", 0, None)
    assert claim.word(Finding("", np.nan, np.nan, np.nan, 5)) == UNMEASURED
    assert claim.word(Finding("", 0.5, 0.4, 0.6, 0)) == UNMEASURED


@pytest.mark.parametrize(
    ("published", "n", "word"),
    [
        (0.45, None, AGREES),  # inside [.4, .5]
        (0.55, None, DIFFERS),
        (0.55, 20, AGREES),  # Wilson of 11 of 20: [.34, .74]
        (0.95, 2000, DIFFERS),
    ],
)
def test_a_published_number_agrees_where_intervals_meet(published, n, word):
    assert scorecard.compare(finding(0.4, 0.5), published, n, 0.95) == word


def test_a_difference_has_the_square_and_add_interval():
    # Newcombe (1998), table II (a): 56/70 less 48/80 is .2 [.0524, .3339] by method 10.
    from cliff_tokens.statistics import wilson

    one = Finding("", 56 / 70, *map(float, wilson(56, 70, 0.95)), 70)
    other = Finding("", 48 / 80, *map(float, wilson(48, 80, 0.95)), 80)
    found = scorecard.difference(one, other, "")
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


FRAME = pd.DataFrame(
    {
        "model": ["a", "a", "b"],
        "k": [1, 64, 1],
        "share": [0.5, 1.0, np.nan],
        "share_low": [0.4, np.nan, np.nan],
        "share_high": [0.6, np.nan, np.nan],
        "hits": [5, 10, 0],
        "n": [10, 10, 0],
    }
)


def test_a_quantity_is_read_with_its_interval_and_count():
    found = scorecard.look_up(FRAME, "share", {"model": "a", "k": 1}, 0.95)
    assert found == Finding("a, 1", 0.5, 0.4, 0.6, 10)
    ratio = scorecard.look_up(FRAME, "hits/n", {"model": "a", "k": 1}, 0.95)
    assert (ratio.low, ratio.high) == pytest.approx((0.2366, 0.7634), abs=5e-5)  # Wilson, 5 of 10


def test_rows_that_are_not_there_are_not_measured_and_never_zero():
    for where in ({"model": "c"}, {"model": "b"}):
        found = scorecard.look_up(FRAME, "share", where, 0.95)
        assert found.n == 0
        assert np.isnan(found.value)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no column 'dataset'; found model, k"):
        scorecard.look_up(FRAME, "share", {"dataset": "x"}, 0.95)
    with pytest.raises(ValueError, match="expected one value, found 2"):
        scorecard.look_up(FRAME, "share", {"model": "a"}, 0.95)


def entry(published, values="tables/t.csv", claims=()):
    return {"values": values, "claims": list(claims), "published": published}


def number(value=0.45, **where):
    return {"quantity": "share", "where": where, "value": value, "source": "release"}


def test_numbers_are_compared_in_a_run_of_their_model_and_in_no_other():
    index = {"item": entry([number(model="a", k=1), number(model="b", k=1)])}
    values = {"tables/t.csv": FRAME}
    own = scorecard.score(index, values, ["a"], [], 0.95)
    assert own["word"].tolist() == [AGREES, UNMEASURED]
    other = scorecard.score(index, values, ["testbed"], [], 0.95)
    # One row for both, so that a run of other models is not a list of blanks.
    assert other["word"].tolist() == [UNMEASURED]
    assert other["note"].tolist() == [
        "2 published values; of the paper's models, which this run does not have"
    ]
    assert other["ours"].isna().all()


def test_pooled_numbers_need_every_data_set_that_the_paper_pools():
    frame = FRAME.assign(dataset="all")
    index = {
        "item": entry([number(model="a", k=1, dataset="all")]),
        "other": entry([number(model="a", k=1, dataset="x"), number(model="a", k=1, dataset="y")]),
    }
    values = {"tables/t.csv": frame}
    assert scorecard.score(index, values, ["a"], ["x", "y"], 0.95)["word"][0] == AGREES
    assert scorecard.score(index, values, ["a"], ["x"], 0.95)["word"][0] == UNMEASURED


def test_a_claim_whose_table_the_run_does_not_make_says_so():
    index = {"item": entry([], claims=["more_incorrect_traces_have_a_cliff"])}
    (row,) = scorecard.score(index, {}, ["a"], [], 0.95).to_dict("records")
    assert row["word"] == UNMEASURED
    assert row["note"].endswith("the run does not make this table")


def prevalence(correct, incorrect):
    rows = [
        {"model": "a", "dataset": "all", "outcome": name, "n": 50, "share_with_cliff": share,
         "share_with_cliff_low": share - 0.1, "share_with_cliff_high": share + 0.1}
        for name, share in (("correct", correct), ("incorrect", incorrect))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("correct", "incorrect", "word"),
    [(0.2, 0.5, AGREES), (0.5, 0.2, DIFFERS), (0.3, 0.4, UNDECIDED)],
)
def test_more_incorrect_traces_with_a_cliff_is_a_claim_that_can_fail(correct, incorrect, word):
    # Half-widths of .1 add in squares: the difference is known to .14.
    index = {"item": entry([], claims=["more_incorrect_traces_have_a_cliff"])}
    values = {"tables/t.csv": prevalence(correct, incorrect)}
    assert scorecard.score(index, values, ["a"], [], 0.95)["word"].tolist() == [word]


def test_deterministic_flags_that_chance_explains_are_undecided():
    # One flag where 2.04 are expected: a Poisson count of 1 has the interval [.025, 5.57].
    audit = pd.DataFrame(
        {
            "model": ["all"],
            "kind": ["deterministic"],
            "n": [1],
            "by_chance": [2.04],
            "impossible": 1,
        }
    )
    known = scorecard.CLAIMS["deterministic_flags_exceed_chance"]
    (found,) = known.judge(audit, 0.95)
    assert (found.low, found.high) == pytest.approx((0.0253 - 2.04, 5.5716 - 2.04), abs=1e-4)
    assert known.word(found) == UNDECIDED
    impossible = scorecard.CLAIMS["deterministic_cliffs_are_possible"]
    (found,) = impossible.judge(audit, 0.95)
    assert impossible.word(found) == DIFFERS
