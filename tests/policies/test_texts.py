"""Texts and whose they are: chosen, joined, and forked where rollouts draw different tokens."""

import numpy as np

from cliff_tokens.policies.texts import ROLLOUT, ROW, Texts


def texts(*members: list[int]) -> Texts:
    """One text for each list of rollouts, of whose tokens the first is the text's number."""
    rows, rollouts = np.zeros(len(members), ROW), np.zeros(sum(map(len, members)), ROLLOUT)
    rows["base"], rows["written"], rows["source"] = 5, 1, -1
    rollouts["row"] = np.repeat(np.arange(len(members)), [len(some) for some in members])
    rollouts["rollout"], rollouts["begin"] = np.concatenate(members), 5
    tokens = np.zeros((len(members), 4), np.int32)
    tokens[:, 0] = np.arange(len(members))
    return Texts(rows, tokens, rollouts)


def held(found: Texts) -> list[tuple[list[int], list[int]]]:
    """The tokens of every text, and its rollouts."""
    return [
        (
            found.tokens[place, : row["written"]].tolist(),
            sorted(found.rollouts["rollout"][found.rollouts["row"] == place].tolist()),
        )
        for place, row in enumerate(found.rows)
    ]


def test_chosen_texts_take_their_rollouts_along():
    found = texts([7], [8, 9], [10])
    assert held(found.select(np.array([2, 1]))) == [([2], [10]), ([1], [8, 9])]
    one, two = found.split(1)
    assert held(one) == [([0], [7])]
    assert held(two) == [([1], [8, 9]), ([2], [10])]
    assert held(two.join(one)) == [([1], [8, 9]), ([2], [10]), ([0], [7])]
    assert held(Texts.none(4).join(found)) == held(found)
    assert found.shared().tolist() == [1, 2, 1]


def test_a_text_forks_where_its_rollouts_draw_different_tokens():
    found = texts([7], [8, 9, 10, 11], [12, 13])
    drawing = found.rollouts["row"] < 2
    rollouts, found.rollouts = found.rollouts[drawing], found.rollouts[~drawing]
    found.go_on(rollouts, np.array([5, 6, 3, 6, 4]), end=17)
    assert held(found) == [
        ([0, 5], [7]),
        ([1, 3], [9]),
        ([2], [12, 13]),  # drew nothing
        ([1, 4], [11]),
        ([1, 6], [8, 10]),
    ]
    assert found.rows["source"].tolist() == [-1, -1, -1, 1, 1]
    assert found.rows["end"][3:].tolist() == [17, 17]
    assert found.ages(found.rollouts[found.rollouts["rollout"] == 8]).tolist() == [2]
    assert found.ages(found.rollouts[found.rollouts["rollout"] == 12]).tolist() == [1]
