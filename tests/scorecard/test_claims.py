"""The claims of the paper: each can fail, and is read off the rows that it is about."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.scorecard import AGREES, DIFFERS, UNDECIDED, Run, score
from cliff_tokens.scorecard.claims import CLAIMS


def prevalence(correct, incorrect):
    rows = [
        {"model": "a", "dataset": "all", "outcome": name, "n": 50, "share_with_cliff": share,
         "share_with_cliff_low": share - 0.1, "share_with_cliff_high": share + 0.1}
        for name, share in (("correct", correct), ("incorrect", incorrect))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("correct", "incorrect", "outcome"),
    [(0.2, 0.5, AGREES), (0.5, 0.2, DIFFERS), (0.3, 0.4, UNDECIDED)],
)
def test_more_incorrect_traces_with_a_cliff_is_a_claim_that_can_fail(correct, incorrect, outcome):
    # Half-widths of .1 add in squares: the difference is known to .14.
    index = {
        "item": {
            "values": "tables/t.csv",
            "claims": ["more_incorrect_traces_have_a_cliff"],
            "revision": None,
            "became": None,
            "published": [],
        }
    }
    values = {"tables/t.csv": prevalence(correct, incorrect)}
    assert score(index, CLAIMS, values, Run(["a"], [], [], 0.95))["word"].tolist() == [outcome]


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
    known = CLAIMS["deterministic_flags_exceed_chance"]
    (found,) = known.judge(audit, 0.95)
    assert (found.low, found.high) == pytest.approx((0.0253 - 2.04, 5.5716 - 2.04), abs=1e-4)
    assert known.outcome(found) == UNDECIDED
    impossible = CLAIMS["deterministic_cliffs_are_possible"]
    (found,) = impossible.judge(audit, 0.95)
    assert impossible.outcome(found) == DIFFERS


@pytest.mark.parametrize("name", ["hard_traces_start_at_zero", "hard_traces_hold_no_cliff"])
def test_hard_traces_are_those_of_hard_data_sets(name):
    column = {
        "hard_traces_start_at_zero": "share_at_zero",
        "hard_traces_hold_no_cliff": "share_without_cliff",
    }[name]
    rows = {"model": "a", "dataset": ["easy", "steep", "all"], "n": 40, column: [0.1, 0.9, 0.5]}
    frame = pd.DataFrame(rows)
    frame[f"{column}_low"], frame[f"{column}_high"] = frame[column] - 0.05, frame[column] + 0.05
    said = {"revision": None, "became": None}
    index = {"item": {"values": "t", "claims": [name], "published": [], **said}}
    card = score(index, CLAIMS, {"t": frame}, Run(["a"], ["easy", "steep"], ["steep"], 0.95))
    assert card["ours"].tolist() == [0.9]
    assert card["word"].tolist() == [AGREES]


def test_a_largest_k_without_spread_has_the_interval_of_its_problems():
    frame = pd.DataFrame(
        {
            "model": "a", "dataset": "d", "arm": "del", "k": [1, 64], "mean": [0.5, 1.0],
            "mean_low": [0.4, np.nan], "mean_high": [0.6, np.nan], "n": 12, "problems": 10,
        }
    )  # fmt: skip
    (found,) = CLAIMS["deletion_recovers"].judge(frame, 0.95)
    assert (found.low, found.high) == pytest.approx((0.7225, 1.0), abs=5e-5)  # Wilson, 10 of 10
    assert CLAIMS["deletion_recovers"].outcome(found) == AGREES
    assert CLAIMS["keeping_stays_below_one"].side == "below"
