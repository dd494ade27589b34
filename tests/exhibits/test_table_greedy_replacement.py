"""The greedy token in a cliff token's place, by the numbers of a hand-made table."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import INTERVALS, cell

from cliff_tokens.exhibits.table_greedy_replacement import values


def replacement_by_hand():
    """Two sampled-off cliffs and a greedy one, with counts of 64.

    |    | before | after | greedy | del | keep |
    |----|--------|-------|--------|-----|------|
    | c1 | 48     | 16    | 40     | 40  | 16   |
    | c2 | 48     | 0     | 32     | 48  | 0    |
    | c3 | 32     | 16    | 16     | 24  | 16   |
    """
    rows = {
        "c1": ("sampled_off", 48, 16, 40, 40, 16),
        "c2": ("sampled_off", 48, 0, 32, 48, 0),
        "c3": ("uncertain", 32, 16, 16, 24, 16),
    }
    cliffs = pd.DataFrame(
        {
            "cliff_id": list(rows), "model": "m", "dataset": "d", "problem_id": list(rows),
            "kind": [row[0] for row in rows.values()], "outcome": "incorrect",
            "sampler_probability": [0.25, 0.5, 0.5],
            "before": [row[1] / 64 for row in rows.values()],
            "after": [row[2] / 64 for row in rows.values()],
        }
    )  # fmt: skip
    greedy = pd.DataFrame(
        {
            "cliff_id": list(rows), "is_greedy": True, "rollouts": 64,
            "is_sampled": [row[0] == "uncertain" for row in rows.values()],
            "successes": [row[3] for row in rows.values()],
        }
    )  # fmt: skip
    junk = greedy.assign(is_greedy=False, successes=1)
    arms = pd.concat(
        pd.DataFrame(
            {
                "cliff_id": list(rows), "arm": arm, "rollouts": 64,
                "successes": [row[at] for row in rows.values()],
            }
        )
        for arm, at in (("del", 4), ("keep", 5))
    )  # fmt: skip
    return pd.concat([junk, greedy]), cliffs, arms


def test_the_greedy_token_recovers_by_the_numbers_of_a_hand_made_table():
    frame = values(*replacement_by_hand(), 0.2, INTERVALS, ["m"])
    row = cell(frame, model="m", kind="sampled_off", basis="selected")
    # Shortfalls 8/64 = 0.125 (A) and 16/64 = 0.25 (B).
    assert row[["n", "case_a", "case_b"]].tolist() == [2, 1, 1]
    assert row["shortfall"] == pytest.approx(0.1875)
    # Gains 24 and 32 of drops 32 and 48: 56/80; quotients 3/4 and 2/3.
    assert row["recovery"] == pytest.approx(0.7)
    assert row["mean_ratio"] == pytest.approx((3 / 4 + 2 / 3) / 2)
    row = cell(frame, model="m", kind="sampled_off", basis="fresh")
    # Shortfalls 0 and 16; gains 24 and 32 of drops 24 and 48.
    assert row[["case_a", "case_b"]].tolist() == [1, 1]
    assert row["recovery"] == pytest.approx(56 / 72)
    assert np.isnan(row["mean_ratio"])
    # Alternatives lead to 16 + 24 / .75 = 48 and 0 + 48 / .5 = 96 of 64, greedy to 40 and 32.
    assert row["compared"] == 2
    assert row["advantage"] == pytest.approx((40 - 48 + 32 - 96) / 2 / 64)
    # Where the cliff token is the greedy one it is no alternative.
    row = cell(frame, model="m", kind="uncertain", basis="fresh")
    assert row["compared"] == 0
    assert np.isnan(row["advantage"])
    row = cell(frame, model="m", kind="uncertain", basis="selected")
    assert (row["case_b"], row["recovery"]) == (1, 0)
    assert cell(frame, model="all", kind="all", basis="fresh")["n"] == 3


def test_where_fresh_rollouts_find_no_drop_there_is_nothing_to_recover():
    candidates, cliffs, arms = replacement_by_hand()
    arms.loc[arms["cliff_id"].eq("c3") & arms["arm"].eq("del"), "successes"] = 14  # kept: 16
    frame = values(candidates, cliffs, arms, 0.2, INTERVALS, ["m"])
    row = cell(frame, model="m", kind="uncertain", basis="fresh")
    assert (row["n"], row["case_a"]) == (1, 1)
    assert np.isnan(row["recovery"])
    assert cell(frame, model="m", kind="uncertain", basis="selected")["recovery"] == 0


def test_a_shortfall_of_the_limit_itself_is_case_b():
    candidates, cliffs, arms = replacement_by_hand()
    frame = values(candidates, cliffs, arms, 0.125, INTERVALS, ["m"])
    assert cell(frame, model="m", kind="sampled_off", basis="selected")["case_a"] == 0


def test_cliffs_on_correct_traces_are_not_replaced():
    candidates, cliffs, arms = replacement_by_hand()
    cliffs["outcome"] = "correct"
    frame = values(candidates, cliffs, arms, 0.2, INTERVALS, ["m"])
    assert (frame["n"] == 0).all()
    assert frame[["share_a", "recovery", "mean_ratio"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c, f, a: (c[c["cliff_id"].ne("c2")], f, a), "c2: has no greedy candidate"),
        (lambda c, f, a: (c, f, a[a["cliff_id"].ne("c2")]), "c2: has no fresh rollouts"),
    ],
)
def test_a_cliff_that_lacks_its_counts_is_refused_by_name(spoil, said):
    with pytest.raises(ValueError, match=said):
        values(*spoil(*replacement_by_hand()), 0.2, INTERVALS, ["m"])
