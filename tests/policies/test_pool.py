"""How requests are packed: padding, runs that fit, and prompts that share a trunk."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cliff_tokens.policies import Request
from cliff_tokens.policies.pool import STEM, cut, groups_of, pad, spans_of, stem_of


def requests(*prompts, rollouts=1):
    return [
        Request(np.array(prompt, dtype=np.int32), np.arange(rollouts, dtype=np.uint64), 4)
        for prompt in prompts
    ]


def packed(*prompts):
    """Trunk and members of each group."""
    return [(group.trunk.tolist(), group.members) for group in groups_of(requests(*prompts))]


def test_sequences_are_padded_on_the_right():
    assert pad([np.array([3, 4]), np.array([5]), np.array([6, 7, 8])]).tolist() == [
        [3, 4, 0], [5, 0, 0], [6, 7, 8],
    ]  # fmt: skip


def test_padding_counts_as_much_as_the_longest():
    assert list(cut([1, 1, 4], 6, padded=False)) == [[0, 1, 2]]
    assert list(cut([1, 1, 4], 6, padded=True)) == [[0, 1], [2]]
    assert list(cut([3, 3, 3], 6, padded=True)) == [[0, 1], [2]]


def test_a_stem_is_what_all_trunks_begin_with_and_go_on_after():
    head = np.arange(STEM + 5)
    trunks = [np.append(head, [k, 1]) for k in (70, 71, 72)]
    assert stem_of(trunks) == STEM + 5
    assert stem_of([*trunks, head]) == STEM + 4
    assert stem_of([*trunks, head[: STEM + 1]]) == STEM
    assert stem_of([*trunks, head[:STEM]]) == stem_of(trunks[:1]) == 0


def test_what_fits_nowhere_runs_alone():
    assert list(cut([9, 1, 9], 5, padded=True)) == [[0], [1], [2]]
    assert list(cut([], 5, padded=True)) == []


@given(st.lists(st.integers(0, 20)), st.integers(1, 40), st.booleans())
def test_runs_hold_every_index_once_and_fit(costs, room, padded):
    runs = list(cut(costs, room, padded))
    assert [index for run in runs for index in run] == list(range(len(costs)))
    for run in runs:
        inside = [costs[index] for index in run]
        total = max(inside) * len(run) if padded else sum(inside)
        assert total <= room or len(run) == 1


def test_rows_that_read_one_trunk_are_one_span():
    assert spans_of(np.array([3, 3, 5, 9, 9, 9])) == [(0, 2), (2, 3), (3, 6)]
    assert spans_of(np.zeros(0)) == []


def test_prefixes_and_siblings_share_the_trunk_of_the_longest():
    # Of the trunk: itself, a prefix of it, and a prefix with one token of its own.
    assert packed([5, 6], [5, 6, 9], [5, 6, 7, 8]) == [([5, 6, 7, 8], [0, 1, 2])]
    assert packed([5, 6, 7], [5, 6, 7]) == [([5, 6, 7], [1, 0])]


def test_prompts_that_part_earlier_have_trunks_of_their_own():
    assert packed([5, 6, 7, 8], [5, 9, 9], [6, 7, 8, 8], [9]) == [
        ([5, 6, 7, 8], [0]), ([5, 9, 9], [1]), ([6, 7, 8, 8], [2]), ([9], [3]),
    ]  # fmt: skip


def test_groups_count_the_rollouts_of_their_members():
    mixed = requests([5, 6, 7], rollouts=3) + requests([5, 6], rollouts=8) + requests([8, 8])
    assert [group.rows for group in groups_of(mixed)] == [11, 1]
