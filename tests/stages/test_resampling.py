"""Controls of cliffs and the four arms, by hand."""

import json

import pandas as pd

from cliff_tokens.stages.resampling import collect_resampling, match_controls, plan_resampling
from cliff_tokens.stages.rollouts import COUNTS

CLIFFS = pd.DataFrame(
    {
        "cliff_id": ["a@3"], "trace_id": ["a"], "t": [3], "before": [0.6],
        "sampler_probability": [0.5],
    }
)  # fmt: skip


def tokens(*rows):
    """Tokens beside the cliff a@3: trace, t, potential before, probability under the sampler."""
    columns = ["trace_id", "t", "before", "sampler_probability"]
    return pd.DataFrame([("a", 3, 0.6, 0.5), *rows], columns=columns)


def controls(*rows, cliffs=CLIFFS):
    frame = tokens(*rows)
    matched = match_controls(
        cliffs, frame.drop(columns="sampler_probability"), frame.drop(columns="before")
    )
    assert list(matched) == ["cliff_id", "trace_id", "t"]
    return matched.to_numpy().tolist()


def test_the_nearest_token_is_the_control_and_another_trace_is_farther():
    assert controls(("a", 1, 0.62, 0.5), ("b", 1, 0.6, 0.5)) == [["a@3", "a", 1]]  # .02 and .05
    assert controls(("a", 1, 0.7, 0.5), ("b", 1, 0.6, 0.5)) == [["a@3", "b", 1]]  # .10 and .05
    assert controls(("a", 1, 0.55, 0.5), ("a", 5, 0.58, 0.48)) == [["a@3", "a", 5]]  # both count


def test_a_token_that_differs_too_much_in_either_is_no_control():
    assert controls(("a", 1, 0.8, 0.5), ("a", 2, 0.6, 0.3)) == []
    assert controls(("a", 1, 0.74, 0.64)) == [["a@3", "a", 1]]  # each within the caliper


def test_a_cliff_is_no_control_of_another_and_a_token_serves_once():
    cliffs = pd.concat([CLIFFS, CLIFFS.assign(cliff_id="a@4", t=4)], ignore_index=True)
    beside = ("a", 4, 0.6, 0.5)
    assert controls(beside, cliffs=cliffs) == []
    assert controls(beside, ("a", 1, 0.6, 0.5), cliffs=cliffs) == [["a@3", "a", 1]]


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
