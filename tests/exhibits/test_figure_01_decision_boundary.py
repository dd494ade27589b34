"""The boundary of the rule, of any number of rollouts."""

import pytest
from helpers.exhibits import show, words

from cliff_tokens.exhibits import figure_01_decision_boundary
from cliff_tokens.stages.cliff_test import CliffTest


def test_the_boundary_has_1283_cliff_cells_of_64_rollouts(given):
    values, figure = show("figure_01_decision_boundary", given)
    assert values["cliff_cells"].sum() == 1283
    possible = values[values["drop"].notna()]
    assert possible["successes_before"].min() == 12
    assert possible["potential_before"].min() == possible["drop"].min() == 0.1875
    assert possible["drop"].max() == 0.25
    assert any("1283 of 4225" in text for text in words(figure))


@pytest.mark.parametrize(("rollouts", "margin"), [(1, 0.1), (2, 0.1), (16, 0.3), (64, 0.9)])
def test_the_boundary_is_drawn_for_any_rule(rollouts, margin):
    values = figure_01_decision_boundary.values(CliffTest(margin=margin), rollouts)
    drawn = figure_01_decision_boundary.draw(values)
    assert drawn.axes[0].get_xlabel() == "potential before the token"
