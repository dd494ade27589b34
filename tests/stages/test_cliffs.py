"""The published rule, cell by cell where it matters."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens.stages import cliffs, taxonomy
from cliff_tokens.stages.cliff_test import CliffTest, FixedThreshold, boundary
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.statistics import unpooled_error

# Smallest drop that fires at N = 64, by count before (paper, adaptive threshold).
SMALLEST_DROP = {
    range(12, 14): 12, range(14, 17): 13, range(17, 22): 14, range(22, 30): 15,
    range(30, 50): 16, range(50, 57): 15, range(57, 61): 14, range(61, 63): 13, range(63, 65): 12,
}  # fmt: skip


def flags(rule, before, after, rollouts):
    """The rule on counts of independent rollouts."""
    return rule.flags((before - after) / rollouts, unpooled_error(before, after, rollouts))


def test_the_boundary_at_64_rollouts_is_the_published_one():
    counts_after = boundary(CliffTest(), 64).set_index("successes_before")["successes_after"]
    for counts, drop in SMALLEST_DROP.items():
        for before in counts:
            assert before - counts_after[before] == drop, before
    assert counts_after[:11].isna().all()
    assert int((counts_after.dropna() + 1).sum()) == 1283


@pytest.mark.parametrize(("after", "is_cliff"), [(54, False), (53, False), (52, True)])
def test_boundary_from_a_certain_prefix(after, is_cliff):
    # 64 -> 52 of 64: drop 0.1875 against 0.1 + 1.645 * SE(52/64) = 0.1803
    assert flags(CliffTest(), 64, after, 64) == is_cliff


@given(st.integers(1, 200), st.data())
def test_a_rise_is_never_a_cliff(rollouts, data):
    after = data.draw(st.integers(0, rollouts))
    before = data.draw(st.integers(0, after))
    assert not flags(CliffTest(), before, after, rollouts)


@given(st.floats(0, 0.9), st.floats(0, 0.1), st.floats(0, 3), st.floats(0, 1))
def test_a_wider_margin_or_critical_value_never_adds_cliffs(margin, more, z, higher):
    grid = np.arange(33)
    narrow = flags(CliffTest(margin, z), grid[:, None], grid[None, :], 32)
    wide = flags(CliffTest(margin + more, z + higher), grid[:, None], grid[None, :], 32)
    assert not (wide & ~narrow).any()


@pytest.mark.parametrize(("drop", "rollouts", "counts"), [(0.3, 10, 3), (0.1, 64, 7), (0.2, 5, 1)])
def test_a_fixed_threshold_includes_its_own_value(drop, rollouts, counts):
    rule = FixedThreshold(drop)
    assert flags(rule, rollouts, rollouts - counts, rollouts)
    assert not flags(rule, rollouts, rollouts - counts + 1, rollouts)


def test_entropy_threshold_is_the_binary_entropy_of_99_percent():
    assert taxonomy.entropy_threshold(0.99) == pytest.approx(0.0560, abs=5e-5)
    with pytest.raises(ValueError, match="certain"):
        taxonomy.entropy_threshold(1.0)


def test_kinds_split_at_the_threshold_and_at_rank_one():
    at = taxonomy.entropy_threshold(0.99)
    found = taxonomy.kinds([at, math.nextafter(at, 1), 1.0, 0.0], [1, 1, 2, 2], 0.99)
    assert found.tolist() == ["deterministic", "uncertain", "sampled_off", "other"]


def trace(trace_id, tokens, verdict):
    return {
        "trace_id": trace_id, "model": "m", "dataset": "d", "problem_id": trace_id,
        "token_ids": np.arange(tokens), "verdict": verdict,
    }  # fmt: skip


def potential(trace_id, successes):
    return pd.DataFrame(
        {
            "trace_id": trace_id, "t": range(len(successes)),
            "successes": successes, "rollouts": 64,
        }
    )  # fmt: skip


def scores(trace_id, tokens):
    return pd.DataFrame(
        {
            "trace_id": trace_id, "t": range(1, tokens + 1), "token_id": 7, "token": "x",
            "entropy": 1.0, "rank": 1, "sampler_probability": 0.5,
        }
    )  # fmt: skip


def test_the_first_token_and_the_last_can_be_cliffs():
    traces = pd.DataFrame([trace("a", 3, "incorrect")])
    counts = potential("a", [64, 30, 30])
    found = cliffs.detect(
        estimate_independent(counts, traces), traces, scores("a", 3), CliffTest(), 0.99
    )
    assert found["t"].tolist() == [1, 3]  # 64 -> 30, and 30 -> 0: the verdict of the trace
    assert found["ordinal"].tolist() == [1, 2]
    assert found["cliff_id"].tolist() == ["a@1", "a@3"]


def test_consecutive_cliffs_are_all_kept_and_a_right_answer_ends_at_one():
    traces = pd.DataFrame([trace("a", 3, "correct")])
    found = cliffs.detect(
        estimate_independent(potential("a", [64, 40, 10]), traces),
        traces,
        scores("a", 3),
        CliffTest(),
        0.99,
    )
    assert found["t"].tolist() == [1, 2]
    assert found["outcome"].unique().tolist() == ["correct"]


def test_counts_of_one_trace_are_never_compared_with_those_of_the_next():
    traces = pd.DataFrame([trace("a", 2, "correct"), trace("b", 2, "incorrect")])
    counts = pd.concat([potential("b", [0, 0]), potential("a", [64, 64])])
    assert estimate_independent(counts, traces)["after"].tolist() == [1, 1, 0, 0]


def test_no_cliff_gives_an_empty_frame_with_its_columns():
    traces = pd.DataFrame([trace("a", 2, "correct")])
    found = cliffs.detect(
        estimate_independent(potential("a", [64, 64]), traces),
        traces,
        scores("a", 2),
        CliffTest(),
        0.99,
    )
    assert found.empty
    assert "kind" in found


def test_a_potential_without_a_trace_is_refused():
    traces = pd.DataFrame([trace("a", 1, "correct")])
    with pytest.raises(ValueError, match="b: has a potential but no trace"):
        estimate_independent(pd.concat([potential("a", [5]), potential("b", [5])]), traces)
