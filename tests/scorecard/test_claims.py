"""The claims of the paper: each can fail, and is read off the rows that it is about."""

import numpy as np
import pandas as pd
import pytest
from helpers import exhibits, synthetic
from helpers.exhibits import INTERVALS

from cliff_tokens.exhibits import pass_at_k
from cliff_tokens.scorecard import AGREES, DIFFERS, NOT_EXCLUDED, UNDECIDED, Run, score
from cliff_tokens.scorecard.claims import CLAIMS


@pytest.fixture(scope="module")
def given():
    return exhibits.given(synthetic.run(seed=1))


def prevalence(difference):
    """Rows of Figure 2 as they are published, of one model."""
    return pd.DataFrame(
        {
            "model": "a", "dataset": "all", "outcome": ["correct", "incorrect"], "n": [20, 50],
            "difference": difference, "difference_low": difference - 0.14,
            "difference_high": difference + 0.14,
        }
    )  # fmt: skip


def scored(name, frame, run, **marks):
    said = {"revision": None, "became": None, "by_construction": {}, "selection": {}}
    entry = {"values": "t", "claims": [name], "published": [], **said, **marks}
    return score({"item": entry}, CLAIMS, {"t": frame}, run)


RUN = Run(["a"], ["easy", "steep"], ["steep"], 0.95)


@pytest.mark.parametrize(
    ("difference", "outcome"), [(0.3, AGREES), (-0.3, DIFFERS), (0.1, UNDECIDED)]
)
def test_more_incorrect_traces_with_a_cliff_is_a_claim_that_can_fail(difference, outcome):
    card = scored("more_incorrect_traces_have_a_cliff", prevalence(difference), RUN)
    assert card["word"].tolist() == [outcome]
    assert card["n"].tolist() == [20]


def test_kept_that_never_succeeds_against_deleted_that_does_is_not_undecided(given):
    """0 of 448 against .455: an arm without spread has no interval, the paired drop has one."""
    resampling, cliffs = given["resampling"], given["cliffs"]
    kept = resampling["arm"].eq("keep")
    resampling = resampling.assign(successes=resampling["successes"].mask(kept, 0))
    frame = pass_at_k.values(resampling, cliffs, "incorrect", INTERVALS, ["small"], ["chains"])
    keep = frame[frame["arm"].eq("keep") & frame["k"].eq(1)].iloc[0]
    assert keep["mean"] == 0
    assert np.isnan(keep["mean_low"])
    (found,) = CLAIMS["deleting_beats_keeping"].judge(frame, 0.95)
    assert found.n == keep["n"] > 4
    assert CLAIMS["deleting_beats_keeping"].outcome(found) == AGREES


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
    frame = pd.DataFrame(rows).assign(incorrect=30)
    frame[f"{column}_low"], frame[f"{column}_high"] = frame[column] - 0.05, frame[column] + 0.05
    card = scored(name, frame, RUN)
    assert card["ours"].tolist() == [0.9]
    assert card["n"].tolist() == [30 if "no_cliff" in name else 40]  # what the share is of
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
    assert CLAIMS["deletion_recovers"].outcome(found) == NOT_EXCLUDED
    assert CLAIMS["keeping_stays_below_one"].side == "below"
