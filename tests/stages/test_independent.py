"""The published protocol: what is planned, and what counts say of the potential."""

import json

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.stages.independent import (
    collect_potential,
    estimate_independent,
    plan_potential,
    take_subset,
)
from cliff_tokens.stages.rollouts import COUNTS, LEAVING

TRACES = pd.DataFrame(
    {
        "trace_id": ["m/d/b/0", "m/d/a/0"],
        "token_ids": [[7], [5, 6]],
        "verdict": ["correct", "unparsed"],
    }
)


def counts(successes):
    """Potential of the prefixes of a (two) and b (one), 4 rollouts each."""
    return pd.DataFrame(
        {
            "trace_id": ["m/d/a/0", "m/d/a/0", "m/d/b/0"], "t": [0, 1, 0],
            "successes": successes, "rollouts": 4,
        }
    )  # fmt: skip


def test_the_subset_holds_every_trace_of_the_first_problems():
    problems = pd.DataFrame({"problem_id": ["c", "a", "b"], "source_row": [5, 0, 2]})
    traces = pd.DataFrame({"trace_id": list("wxyz"), "problem_id": list("bcab")})
    assert take_subset(problems, traces, 2)["trace_id"].tolist() == ["w", "y", "z"]
    assert take_subset(problems, traces, None) is traces


def test_every_prefix_but_the_whole_trace_is_planned_under_a_key_of_its_own():
    plan = plan_potential(TRACES, 8)
    assert plan[["trace_id", "prefix_t"]].to_numpy().tolist() == [
        ["m/d/b/0", 0], ["m/d/a/0", 0], ["m/d/a/0", 1],
    ]  # fmt: skip
    assert plan["rollouts"].tolist() == [8, 8, 8]
    assert [json.loads(key) for key in plan["key"]] == [
        ["potential", "m/d/b/0", 0], ["potential", "m/d/a/0", 0], ["potential", "m/d/a/0", 1],
    ]  # fmt: skip
    assert plan[["cliff_id", "arm", "token_id"]].isna().all(axis=None)


def test_counts_return_to_the_prefixes_they_were_planned_for():
    plan = plan_potential(TRACES, 8)
    drawn = pd.DataFrame({"key": plan["key"], **dict.fromkeys(COUNTS, 0)})
    left = dict(zip(LEAVING, ([[1], [1], [2]], [[4], [5], [6]], [[1], [2], [3]]), strict=True))
    drawn = drawn.assign(rollouts=8, successes=[1, 2, 3], **left).iloc[::-1]
    found = collect_potential(plan, drawn).set_index(["trace_id", "t"])
    assert found["successes"].to_dict() == {
        ("m/d/b/0", 0): 1, ("m/d/a/0", 0): 2, ("m/d/a/0", 1): 3,
    }  # fmt: skip
    assert found.loc[("m/d/a/0", 1), list(LEAVING)].tolist() == [[2], [6], [3]]
    with pytest.raises(ValueError, match="roll the plan out again"):
        collect_potential(plan, drawn[1:])


def test_potential_is_the_share_and_its_error_is_that_of_the_published_rule():
    estimates = estimate_independent(counts([4, 2, 3]), TRACES)
    assert estimates["t"].tolist() == [1, 2, 1]
    assert estimates["before"].tolist() == [1, 0.5, 0.75]
    assert estimates["after"].tolist() == [0.5, 0, 1]  # what cannot be read is no right answer
    assert estimates["before_se"].tolist() == pytest.approx(
        [0, np.sqrt(0.25 / 4), np.sqrt(0.1875 / 4)]
    )
    assert estimates["drop_se"].tolist() == pytest.approx(
        [np.sqrt(0.25 / 4), np.sqrt(0.25 / 4), np.sqrt(0.1875 / 4)]
    )


def test_estimates_do_not_depend_on_the_order_of_rows():
    potential = counts([4, 2, 3])
    pd.testing.assert_frame_equal(
        estimate_independent(potential.iloc[[2, 1, 0]], TRACES.iloc[::-1]),
        estimate_independent(potential, TRACES),
    )


def test_a_trace_without_a_potential_is_refused_by_what_it_lacks():
    with pytest.raises(ValueError, match=r"m/d/b/0: expected .* 0 \.\. 0, found 0 prefixes"):
        estimate_independent(counts([4, 2, 3])[:2], TRACES)
