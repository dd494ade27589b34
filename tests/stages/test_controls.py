"""Matching of controls, by hand."""

import numpy as np
import pandas as pd

from cliff_tokens.stages.controls import match, others

TOKENS = pd.DataFrame(
    {"trace_id": list("aaabb"), "t": [1, 2, 3, 1, 2], "value": [0.0, 0.5, 0.1, 0.2, 0.9]}
)
CLIFFS = pd.DataFrame(
    {"cliff_id": ["b@2", "a@1"], "trace_id": ["b", "a"], "t": [2, 1], "value": [0.3, 0.15]}
)


def near(limit):
    def distance(cliff, pool):
        far = (pool["value"] - cliff.value).abs().to_numpy()
        return np.where(far <= limit, far, np.inf)

    return distance


def test_the_pool_holds_no_cliff_and_is_ordered():
    pool = others(TOKENS.sample(frac=1, random_state=1), CLIFFS)
    assert list(zip(pool["trace_id"], pool["t"], strict=True)) == [("a", 2), ("a", 3), ("b", 1)]


def test_cliffs_are_served_by_name_and_a_token_serves_once():
    # a@1 (.15) is as near to .1 as to .2 and takes the first; what is left for b@2 (.3) is .2.
    found = match(CLIFFS, others(TOKENS, CLIFFS), near(1), "value")
    assert found.to_numpy().tolist() == [["a@1", "a", 3, 1], ["b@2", "b", 1, 1]]


def test_a_cliff_without_a_token_within_reach_has_no_row():
    assert match(CLIFFS, others(TOKENS, CLIFFS), near(0.08), "value")["cliff_id"].tolist() == [
        "a@1"
    ]
    assert match(CLIFFS, TOKENS[:0], near(1), "value").empty
    assert match(CLIFFS[:0], TOKENS, near(1), "value").empty


def test_tokens_are_taken_until_they_offer_what_is_wanted():
    pool = others(TOKENS, CLIFFS).assign(offered=[2, 2, 5])
    found = match(CLIFFS[1:].assign(wanted=6), pool, near(1), "value")
    assert found["taken"].tolist() == [2, 4]  # two of .1, and four of the five of .2
    found = match(CLIFFS[1:].assign(wanted=20), pool, near(1), "value")
    assert found["taken"].tolist() == [2, 5, 2]  # all there is


def test_tokens_out_of_reach_need_not_be_asked_and_ties_stay_as_the_pool_has_them():
    rng = np.random.default_rng(2)
    values = rng.integers(0, 40, 120) / 40  # many are equal, and many on the edge of a caliper
    pool = pd.DataFrame({"trace_id": rng.permutation(120).astype(str), "t": 1, "value": values})
    cliffs = pd.DataFrame(
        {
            "cliff_id": [f"{n:03}" for n in range(40)],
            "value": rng.integers(0, 40, 40) / 40,
            "wanted": rng.integers(1, 8, 40),
        }
    )
    whole = match(cliffs, pool, near(0.1), "value")
    assert 80 < len(whole) < cliffs["wanted"].sum()
    pd.testing.assert_frame_equal(whole, match(cliffs, pool, near(0.1), "value", 0.1))
    # By hand: the nearest that is left, the first in the pool among equals.
    free, rows = pool.index.tolist(), []
    for cliff in cliffs.itertuples():
        for _ in range(cliff.wanted):
            reached = [n for n in free if near(0.1)(cliff, pool.loc[[n]])[0] < np.inf]
            if reached:
                best = min(reached, key=lambda n: abs(pool["value"][n] - cliff.value))
                free.remove(best)
                rows.append([cliff.cliff_id, pool["trace_id"][best], 1, 1])
    assert whole.to_numpy().tolist() == rows
