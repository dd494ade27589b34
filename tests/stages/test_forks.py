"""Forks of cliffs and their two sides, by hand."""

import pandas as pd
import pytest

from cliff_tokens.stages import forks
from cliff_tokens.stages.rollouts import COUNTS
from cliff_tokens.tables import PLACE

# A cliff at a@3: potential .6 before and .1 after, q .5, and 8 of 10 branches succeed by token 33.
CLIFFS = pd.DataFrame({"cliff_id": ["a@3"], "trace_id": ["a"], "t": [3]})
CLIFF = ("a", 3, 0.6, 0.1, 0.5, 8)


def matched(*rows, cliffs=CLIFFS, branches=None):
    """Forks among tokens beside the cliff: trace, t, potential before and after, q, successes.

    Token t of a trace is 10 t; the most probable alternative is 11 t, and 10 branches take it.
    """
    columns = [*PLACE, "before", "after", "sampler_probability", "successes"]
    frame = pd.DataFrame([CLIFF, *rows], columns=columns)
    frame = frame.assign(token_id=10 * frame["t"], first_token_id=11 * frame["t"], rollouts=10)
    likely = frame[PLACE].assign(token_id=frame["first_token_id"], probability=0.4)
    less = frame[PLACE].assign(token_id=1, probability=0.1)
    found = forks.match_forks(
        cliffs,
        frame[[*PLACE, "before", "after"]],
        frame[[*PLACE, "first_token_id", "successes", "rollouts"]]
        if branches is None
        else branches,
        frame[[*PLACE, "token_id", "sampler_probability"]],
        pd.concat([less, likely], ignore_index=True),
    )
    assert list(found) == ["cliff_id", *PLACE, "token_id", "other_id"]
    return found.to_numpy().tolist()


def test_what_is_at_stake_counts_either_way():
    # The cliff has .7 at stake: .8 by the other token, .1 by its own.
    falls_elsewhere = ("b", 2, 0.6, 0.8, 0.5, 1)  # .1 by the other
    assert matched(falls_elsewhere) == [["a@3", "b", 2, 20, 22]]
    nothing_at_stake = ("b", 2, 0.6, 0.6, 0.5, 6)
    assert matched(nothing_at_stake) == []


def test_the_nearest_token_that_is_no_cliff_is_the_fork():
    near, nearer = ("b", 2, 0.5, 0.1, 0.5, 8), ("c", 4, 0.6, 0.8, 0.45, 1)
    assert matched(near, nearer) == [["a@3", "c", 4, 40, 44]]
    both = pd.concat([CLIFFS, pd.DataFrame({"cliff_id": ["c@4"], "trace_id": ["c"], "t": [4]})])
    assert matched(near, nearer, cliffs=both) == [["a@3", "b", 2, 20, 22]]  # and serves once


@pytest.mark.parametrize(
    "row", [("b", 2, 0.9, 0.1, 0.5, 8), ("b", 2, 0.6, 0.1, 0.8, 8), ("b", 2, 0.6, 0.1, 0.5, 4)]
)
def test_a_token_that_differs_too_much_in_one_likeness_is_no_fork(row):
    assert matched(row) == []


def test_a_token_whose_most_probable_alternative_has_no_branch_is_no_fork():
    other = pd.DataFrame(
        [("a", 3, 33, 8, 10), ("b", 2, 1, 8, 10)],
        columns=[*PLACE, "first_token_id", "successes", "rollouts"],
    )
    assert matched(("b", 2, 0.6, 0.1, 0.5, 8), branches=other) == []


def test_both_sides_are_planned_from_the_same_prefix_and_counted():
    found = pd.DataFrame(
        [["a@3", "b", 2, 20, 22], ["a@9", "a", 5, 50, 55]],
        columns=["cliff_id", *PLACE, "token_id", "other_id"],
    )
    plan = forks.plan_forks(found, 8)
    assert plan[["trace_id", "prefix_t", "token_id", "rollouts"]].to_numpy().tolist() == [
        ["b", 1, 20, 8], ["a", 4, 50, 8], ["b", 1, 22, 8], ["a", 4, 55, 8],
    ]  # fmt: skip
    assert plan["key"].iloc[2] == '["forks", "b", 2, 22]'
    drawn = plan[["key"]].assign(**dict.fromkeys(COUNTS, 0)).assign(rollouts=8)
    drawn["successes"] = [1, 2, 3, 4]
    tokens = pd.DataFrame([("b", 2, 20), ("a", 5, 50)], columns=[*PLACE, "token_id"])
    counted = forks.collect_forks(plan, drawn.sample(frac=1, random_state=1), tokens)
    sides = counted.sort_values("successes")[["cliff_id", "t", "token_id", "is_sampled"]]
    assert sides.to_numpy().tolist() == [
        ["a@3", 2, 20, True], ["a@9", 5, 50, True], ["a@3", 2, 22, False], ["a@9", 5, 55, False],
    ]  # fmt: skip


def test_without_cliffs_there_are_no_forks():
    nothing = CLIFFS.iloc[:0]
    assert matched(("b", 2, 0.6, 0.1, 0.5, 8), cliffs=nothing) == []
