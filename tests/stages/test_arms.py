"""Fresh counts beside the cliffs they are of, and what they say of them."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.stages.arms import confirm, fresh_drops, join_arms, say
from cliff_tokens.stages.cliff_test import CliffTest

CLIFFS = pd.DataFrame({"cliff_id": ["b@2", "a@1"], "kind": ["uncertain", "other"]}, index=[7, 3])
# a@1 falls from 48/64 to 16/64, b@2 from 32/64 to 24/64; a control falls too, but is no cliff.
RESAMPLING = pd.DataFrame(
    [
        ("a@1", "del", 48, 64), ("a@1", "keep", 16, 64),
        ("a@1", "control_del", 64, 64), ("a@1", "control_keep", 0, 64),
        ("b@2", "del", 32, 64), ("b@2", "keep", 24, 64),
    ],
    columns=["cliff_id", "arm", "successes", "rollouts"],
)  # fmt: skip


def test_each_cliff_has_the_counts_of_its_own_two_arms():
    joined = join_arms(CLIFFS, RESAMPLING.sample(frac=1, random_state=2))
    assert joined["cliff_id"].tolist() == ["b@2", "a@1"]
    assert joined["successes_del"].tolist() == [32, 48]
    assert joined["successes_keep"].tolist() == [24, 16]
    assert joined["rollouts_del"].tolist() == joined["rollouts_keep"].tolist() == [64, 64]


def test_the_fresh_drop_is_judged_by_the_rule():
    found = fresh_drops(CLIFFS, RESAMPLING, CliffTest())
    assert found["fresh_drop"].tolist() == [0.125, 0.5]
    errors = [np.sqrt((1 / 4 + 15 / 64) / 64), np.sqrt(2 * 3 / 16 / 64)]
    assert found["fresh_se"].tolist() == pytest.approx(errors)
    # Thresholds: .1 + 1.645 * .087 = .243 and .1 + 1.645 * .077 = .226.
    assert found["confirmed"].tolist() == [False, True]
    assert found["confirmed"].dtype == bool
    assert found.index.tolist() == [7, 3]


def test_a_cliff_is_possible_where_the_sampler_leaves_it_more_often_than_the_margin():
    found = confirm(CLIFFS.assign(sampler_probability=[0.95, 0.5]), RESAMPLING, CliffTest())
    assert found["possible"].tolist() == [False, True]
    assert found["confirmed"].tolist() == [False, True]


def test_where_nothing_fresh_tells_there_is_no_word():
    words = say(pd.Series([True, True, False]), pd.Series([True, None, None], dtype="boolean"))
    assert words.isna().tolist() == [False, True, False]
    assert words.tolist()[::2] == ["yes", "cannot be"]


def test_what_cannot_be_is_said_so_whatever_fresh_rollouts_show():
    assert say(pd.Series([False]), pd.Series([True])).tolist() == ["cannot be"]


def test_a_cliff_that_lacks_an_arm_is_refused_by_name():
    lacking = RESAMPLING[~(RESAMPLING["cliff_id"].eq("b@2") & RESAMPLING["arm"].eq("keep"))]
    with pytest.raises(ValueError, match=r"b@2: has no fresh rollouts; resample"):
        join_arms(CLIFFS, lacking)


def test_arms_of_other_sizes_are_refused():
    uneven = RESAMPLING.assign(rollouts=[64, 32, 64, 64, 64, 64])
    with pytest.raises(ValueError, match="other numbers of rollouts"):
        fresh_drops(CLIFFS, uneven, CliffTest())


def test_no_cliff_has_no_fresh_drop():
    found = fresh_drops(CLIFFS[:0], RESAMPLING, CliffTest())
    assert found.empty
    assert {"fresh_drop", "fresh_se", "confirmed"} <= set(found)
