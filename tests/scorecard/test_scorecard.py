"""The scorecard: outcomes follow from intervals, and only what is alike is compared."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens import scorecard
from cliff_tokens.scorecard import (
    AGREES,
    BY_CONSTRUCTION,
    DIFFERS,
    NOT_EXCLUDED,
    SELECTION,
    UNDECIDED,
    UNMEASURED,
    Claim,
    Finding,
    Run,
    look_up,
)
from cliff_tokens.statistics import wilson


def finding(low, high, value=None, n=10):
    return Finding("", (low + high) / 2 if value is None else value, low, high, n)


@pytest.mark.parametrize(
    ("side", "low", "high", "outcome"),
    [
        ("above", 0.1, 0.3, AGREES),
        ("above", -0.3, -0.1, DIFFERS),
        ("above", -0.1, 0.3, UNDECIDED),
        ("above", 0.0, 0.3, UNDECIDED),  # an interval that touches the bound excludes nothing
        ("below", -0.3, -0.1, AGREES),
        ("below", 0.1, 0.3, DIFFERS),
        ("below", -0.3, 0.1, UNDECIDED),
        ("equals", -0.1, 0.1, NOT_EXCLUDED),
        ("equals", 0.1, 0.3, DIFFERS),
        ("above", np.nan, np.nan, UNDECIDED),
    ],
)
def test_the_interval_decides_the_outcome_of_a_claim(side, low, high, outcome):
    value = 0.2 if np.isnan(low) else None
    assert Claim("", side, 0, None).outcome(finding(low, high, value)) == outcome


def test_what_was_not_measured_has_no_outcome_but_that():
    claim = Claim("", "above", 0, None)
    assert claim.outcome(Finding("", np.nan, np.nan, np.nan, 5)) == UNMEASURED
    assert claim.outcome(Finding("", 0.5, 0.4, 0.6, 0)) == UNMEASURED


@pytest.mark.parametrize(
    ("published", "n", "outcome"),
    [
        (0.45, None, NOT_EXCLUDED),  # inside [.4, .5]
        (0.55, None, DIFFERS),
        (0.55, 20, NOT_EXCLUDED),  # Wilson of 11 of 20: [.34, .74]
        (0.95, 2000, DIFFERS),
    ],
)
def test_a_published_number_agrees_where_intervals_meet(published, n, outcome):
    assert scorecard.compare(finding(0.4, 0.5), published, n, 0.95) == outcome


def test_a_difference_has_the_square_and_add_interval():
    # Newcombe (1998), table II (a): 56/70 less 48/80 is .2 [.0524, .3339] by method 10.
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
    found = look_up(FRAME, "share", {"model": "a", "k": 1}, 0.95)
    assert found == Finding("a, 1", 0.5, 0.4, 0.6, 10)
    ratio = look_up(FRAME, "hits/n", {"model": "a", "k": 1}, 0.95)
    assert (ratio.low, ratio.high) == pytest.approx((0.2366, 0.7634), abs=5e-5)  # Wilson, 5 of 10


def test_rows_that_are_not_there_are_not_measured_and_never_zero():
    for where in ({"model": "c"}, {"model": "b"}):
        found = look_up(FRAME, "share", where, 0.95)
        assert found.n == 0
        assert np.isnan(found.value)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no column 'dataset'; found model, k"):
        look_up(FRAME, "share", {"dataset": "x"}, 0.95)
    with pytest.raises(ValueError, match="expected one value, found 2"):
        look_up(FRAME, "share", {"model": "a"}, 0.95)


def shares(frame, confidence):
    return [
        look_up(frame, "share", key, confidence)
        for key in frame[["model", "k"]].drop_duplicates().to_dict("records")
    ]


CLAIMS = {
    "share_is_large": Claim("share", "above", 0.5, shares),
    "hard_share_is_large": Claim("hard share", "above", 0.5, shares, hard=True),
}


def entry(published, values="tables/t.csv", claims=(), **marks):
    said = {"revision": "first", "became": "kept"}
    marks = {"by_construction": {}, "selection": {}} | marks
    return {"values": values, "claims": list(claims), "published": published, **said, **marks}


def number(value=0.45, **where):
    return {
        "quantity": "share",
        "where": where,
        "value": value,
        "n": None,
        "quoted_from": "release",
    }


def test_numbers_are_compared_in_a_run_of_their_model_and_in_no_other():
    index = {"item": entry([number(model="a", k=1), number(model="b", k=1)])}
    values = {"tables/t.csv": FRAME}
    own = scorecard.score(index, CLAIMS, values, Run(["a"], [], [], 0.95))
    assert own["word"].tolist() == [NOT_EXCLUDED, UNMEASURED]
    other = scorecard.score(index, CLAIMS, values, Run(["testbed"], [], [], 0.95))
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
    assert (
        scorecard.score(index, CLAIMS, values, Run(["a"], ["x", "y"], [], 0.95))["word"][0]
        == NOT_EXCLUDED
    )
    assert (
        scorecard.score(index, CLAIMS, values, Run(["a"], ["x"], [], 0.95))["word"][0] == UNMEASURED
    )


def test_a_claim_whose_table_the_run_does_not_make_says_so():
    index = {"item": entry([], claims=["share_is_large"])}
    (row,) = scorecard.score(index, CLAIMS, {}, Run(["a"], [], [], 0.95)).to_dict("records")
    assert row["word"] == UNMEASURED
    assert row["note"].endswith("the run does not make this table")


def test_a_claim_has_a_row_for_each_finding_and_none_for_what_was_not_measured():
    index = {"item": entry([], claims=["share_is_large"])}
    values = {"tables/t.csv": FRAME.assign(share_low=[0.45, np.nan, np.nan])}
    card = scorecard.score(index, CLAIMS, values, Run(["a"], [], [], 0.95))
    assert card[["quantity", "word"]].to_numpy().tolist() == [
        ["share (a, 1)", UNDECIDED],
        ["share (a, 64)", UNDECIDED],
    ]
    assert card["note"].tolist() == [
        "claim: above 0.5",
        "claim: above 0.5; no interval can be told",
    ]


def test_a_claim_of_hard_problems_sees_no_other_data_set():
    index = {"item": entry([], claims=["hard_share_is_large"])}
    values = {"tables/t.csv": FRAME.assign(dataset=["easy", "steep", "steep"])}
    card = scorecard.score(index, CLAIMS, values, Run(["a"], [], ["steep"], 0.95))
    assert card["quantity"].tolist() == ["hard share (a, 64)"]
    none = scorecard.score(index, CLAIMS, values, Run(["a"], [], [], 0.95))
    assert none["word"].tolist() == [UNMEASURED]


def test_a_claim_needs_a_side():
    with pytest.raises(ValueError, match="above, below or equals, found 'over'"):
        Claim("share", "over", 0.5, shares)


def test_what_could_not_come_out_otherwise_is_a_word_of_its_own_and_says_why():
    values = {"tables/t.csv": FRAME.assign(share_low=[0.55, 0.6, np.nan], share_high=[0.7, 0.9, 1])}
    run = Run(["a"], [], [], 0.95)
    for word, key in ((BY_CONSTRUCTION, "by_construction"), (SELECTION, "selection")):
        marked = entry([], claims=["share_is_large"], **{key: {"share_is_large": "it must be"}})
        card = scorecard.score({"item": marked}, CLAIMS, values, run)
        assert card["word"].tolist() == [word, word]
        assert card["note"][0] == "claim: above 0.5; it must be (the interval alone: agrees)"
        assert card["p_holm"].isna().all()
        line = scorecard.summarize(card, 0.95)
        assert line.startswith("Of 0 rows that could have come out otherwise 0 agree")
        # What nothing was measured on stays so, marked or not.
        none = scorecard.score({"item": marked}, CLAIMS, {}, run)
        assert none["word"].tolist() == [UNMEASURED]


def test_totals_count_as_decided_what_could_have_come_out_otherwise():
    words = [AGREES, DIFFERS, UNDECIDED, UNDECIDED, NOT_EXCLUDED, BY_CONSTRUCTION, SELECTION]
    card = pd.DataFrame({"word": [*words, UNMEASURED], "p_holm": [0.01, 0.2, *[np.nan] * 6]})
    found = scorecard.totals(card).set_index("word")
    assert found["rows"].tolist() == [1, 1, 2, 1, 1, 1, 1]
    assert found.index[found["decided"]].tolist() == [AGREES, DIFFERS]
    assert found.loc[found["open"], "rows"].sum() == 4
    line = scorecard.summarize(card, 0.95)
    assert "Of 4 rows that could have come out otherwise 1 agree, 1 differ and 2 are" in line
    assert "1 are decided after Holm's adjustment too" in line


def test_the_p_of_a_bound_follows_from_the_interval_on_its_side():
    # 1.96 standard errors from the bound are p = .05, at an interval that reaches exactly there.
    assert scorecard.tail(finding(0.5, 0.9, 0.7), 0.5, 0.95) == pytest.approx(0.05)
    assert scorecard.tail(finding(0.2, 0.5, 0.3), 0.5, 0.95) == pytest.approx(0.05)
    assert scorecard.tail(finding(0.6, 0.9, 0.7), 0.5, 0.95) < 0.001
    assert scorecard.tail(finding(0.4, 0.9, 0.5), 0.5, 0.95) == 1
    assert np.isnan(scorecard.tail(finding(np.nan, np.nan, 0.5), 0.4, 0.95))


def test_p_is_adjusted_for_the_rows_that_are_open():
    values = {"tables/t.csv": FRAME.assign(share_low=[0.3, 0.51, np.nan], share_high=[0.8, 1, 1])}
    values["tables/t.csv"]["share"] = [0.55, 0.9, np.nan]
    index = {"item": entry([], claims=["share_is_large"])}
    card = scorecard.score(index, CLAIMS, values, Run(["a"], [], [], 0.95))
    alone = scorecard.tail(finding(0.51, 1, 0.9), 0.5, 0.95)
    assert card["word"].tolist() == [UNDECIDED, AGREES]
    assert card["p_holm"][1] == pytest.approx(2 * alone)
