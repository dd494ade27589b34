"""The next token at a cliff at another temperature."""

import pytest
from helpers.exhibits import INTERVALS
from helpers.two_cliffs import ARMS, CANDIDATES, CLIFFS, ESTIMATES

from cliff_tokens.exhibits.table_temperature import tempered, values
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.masses import find_members


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (0, [1, 0]),
        (0.5, [16 / 17, 1 / 17]),  # .64^2 : .16^2 = 16 : 1
        (1, [0.8, 0.2]),
        (2, [2 / 3, 1 / 3]),  # .8 : .4
    ],
)
def test_probabilities_at_another_temperature(temperature, expected):
    assert tempered([0.64, 0.16], temperature) == pytest.approx(expected)


def test_the_token_at_another_temperature_by_hand():
    members = find_members(CANDIDATES, CLIFFS, ESTIMATES, ARMS, CliffTest())
    rows = values(CANDIDATES, members, CLIFFS, [0, 1], INTERVALS, ["m"])
    rows = rows.set_index(["kind", "temperature"])
    # Greedy at A is token 1 (60/64), at B token 4, which is the cliff token (30/64).
    assert rows.loc[("sampled_off", 0), "cliff_mass"] == 0
    assert rows.loc[("sampled_off", 0), "potential"] == 60 / 64
    assert rows.loc[("uncertain", 0), "cliff_mass"] == 1
    assert rows.loc[("all", 0), "potential"] == pytest.approx(45 / 64)
    # At A .5, .2 and .1 of .8: (.5 * 60 + .2 * 40 + .1 * 10) / 64 / .8 = 39 / 51.2.
    assert rows.loc[("sampled_off", 1), "cliff_mass"] == pytest.approx(0.3 / 0.8)
    assert rows.loc[("sampled_off", 1), "potential"] == pytest.approx(39 / 51.2)
