"""Controls of cliffs and the four arms, by hand."""

import json

import pandas as pd

from cliff_tokens.stages.resampling import collect_resampling, match_controls, plan_resampling
from cliff_tokens.stages.rollouts import COUNTS

CLIFFS = pd.DataFrame(
    {
        "cliff_id": ["a@3"], "trace_id": ["a"], "t": [3], "before": [0.6], "rank": [1],
        "sampler_probability": [0.5], "outcome": ["incorrect"],
    }
)  # fmt: skip
VERDICTS = {"a": "incorrect", "b": "unparsed", "c": "correct"}


def controls(*rows, cliffs=CLIFFS):
    """Controls among tokens beside the cliff a@3: trace, t, potential before, q, and rank or 1."""
    columns = ["trace_id", "t", "before", "sampler_probability", "rank"]
    rows = [("a", 3, 0.6, 0.5, 1), *((*row, 1)[:5] for row in rows)]
    frame = pd.DataFrame(rows, columns=columns)
    traces = pd.DataFrame({"trace_id": list(VERDICTS), "verdict": list(VERDICTS.values())})
    estimates, scores = frame[columns[:3]], frame[[*columns[:2], *columns[3:]]]
    matched = match_controls(cliffs, estimates, scores, traces)
    assert list(matched) == ["cliff_id", "trace_id", "t"]
    return matched.to_numpy().tolist()


def test_the_nearest_token_is_the_control_and_another_trace_is_farther():
    assert controls(("a", 1, 0.62, 0.5), ("b", 1, 0.6, 0.5)) == [["a@3", "a", 1]]  # .02 and .05
    assert controls(("a", 1, 0.7, 0.5), ("b", 1, 0.6, 0.5)) == [["a@3", "b", 1]]  # .10 and .05
    assert controls(("a", 1, 0.55, 0.5), ("a", 5, 0.58, 0.48)) == [["a@3", "a", 5]]  # both count


def test_a_token_that_differs_too_much_in_either_is_no_control():
    assert controls(("a", 1, 0.8, 0.5), ("a", 2, 0.6, 0.3)) == []
    assert controls(("a", 1, 0.74, 0.64)) == [["a@3", "a", 1]]  # each within the caliper


def test_a_control_is_greedy_or_not_as_the_cliff_and_of_nearly_its_rank():
    second = CLIFFS.assign(rank=2)
    assert controls(("a", 1, 0.6, 0.5, 2)) == []  # the cliff is greedy
    assert controls(("a", 1, 0.6, 0.5, 1), cliffs=second) == []  # it is not
    assert controls(("a", 1, 0.6, 0.5, 4), cliffs=second) == [["a@3", "a", 1]]
    assert controls(("a", 1, 0.6, 0.5, 5), cliffs=second) == []


def test_a_control_stands_on_a_trace_of_the_same_outcome():
    assert controls(("c", 1, 0.6, 0.5)) == []
    assert controls(("b", 1, 0.6, 0.5)) == [["a@3", "b", 1]]  # unparsed is incorrect
    correct = CLIFFS.assign(outcome="correct")
    assert controls(("c", 1, 0.6, 0.5), ("b", 1, 0.6, 0.5), cliffs=correct) == [["a@3", "c", 1]]


def test_a_control_is_not_chosen_for_being_unflagged_and_is_never_the_cliff():
    cliffs = pd.concat([CLIFFS, CLIFFS.assign(cliff_id="a@4", t=4)], ignore_index=True)
    beside = ("a", 4, 0.6, 0.5)
    # Two cliffs that are alike serve each other; no drop was looked at.
    assert controls(beside, cliffs=cliffs) == [["a@3", "a", 4], ["a@4", "a", 3]]
    assert controls() == []


def test_a_token_serves_once():
    cliffs = pd.concat([CLIFFS, CLIFFS.assign(cliff_id="b@9", trace_id="b", t=9)])
    rows = ("b", 9, 0.9, 0.5), ("a", 1, 0.6, 0.5)
    assert controls(*rows, cliffs=cliffs) == [["a@3", "a", 1], ["b@9", "a", 3]]


def test_arms_start_before_and_after_the_token():
    matched = pd.DataFrame({"cliff_id": ["a@3"], "trace_id": ["b"], "t": [1]})
    cliffs = pd.concat([CLIFFS, CLIFFS.assign(cliff_id="a@4", t=4)], ignore_index=True)
    plan = plan_resampling(cliffs, matched, 16)
    assert set(plan[["cliff_id", "arm", "trace_id", "prefix_t"]].itertuples(index=False)) == {
        ("a@3", "del", "a", 2), ("a@3", "keep", "a", 3),
        ("a@3", "control_del", "b", 0), ("a@3", "control_keep", "b", 1),
        ("a@4", "del", "a", 3), ("a@4", "keep", "a", 4),  # it has no control
    }  # fmt: skip
    assert plan["rollouts"].eq(16).all()
    # The two rollouts from prefix 3 are of other arms and share no random number.
    assert plan["key"].is_unique
    assert json.loads(plan["key"].iloc[0]) == ["resampling", "a@3", "del"]


def test_counts_come_back_under_their_arms():
    plan = plan_resampling(CLIFFS, CLIFFS[:0], 16)
    drawn = pd.DataFrame({"key": plan["key"], **dict.fromkeys(COUNTS, 0)})
    drawn = drawn.assign(rollouts=16, successes=[9, 2]).iloc[::-1]
    found = collect_resampling(plan, drawn).set_index("arm")
    assert found["successes"].to_dict() == {"del": 9, "keep": 2}
    assert found["prefix_t"].to_dict() == {"del": 2, "keep": 3}
