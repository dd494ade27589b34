"""Cut points as they are drawn."""

import pytest
from helpers.exhibits import show

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.figure_cut_points import POSITIONS, SCORES


@pytest.fixture(scope="module")
def drawn(given):
    return show("figure_cut_points", given)


def test_populations_are_rows_and_positions_the_last(drawn):
    figure = drawn[1]
    assert figure.axes[0].get_ylabel() == "cliff, critical\nand tangent\npass@k"
    assert figure.axes[-1].get_xlabel() == "position, t / T"


def test_every_cut_point_that_is_found_is_drawn_at_its_position(given, drawn):
    values, figure = drawn
    positions = values[values["shows"].eq(POSITIONS)]
    incorrect = given["cliffs"]["outcome"].eq("incorrect").sum()
    assert positions["method"].eq("cliff").sum() == incorrect > 0
    strips = figure.axes[-2:]
    shown = sum(len(line.get_xdata()) for axes in strips for line in axes.lines)
    medians = sum(line.get_color() == style.INK for axes in strips for line in axes.lines)
    assert shown - 2 * medians == len(positions)
    assert all(axes.get_title().startswith("n = ") for axes in strips)


def test_a_thin_line_stands_where_traces_without_a_cut_point_are_scored_zero(drawn):
    values, figure = drawn
    scores = values[values["shows"].eq(SCORES)]
    lacking = scores.drop_duplicates(["population", "model", "method"])
    lacking = lacking[lacking["with_cut"].lt(lacking["n"])]
    thin = [line for axes in figure.axes for line in axes.lines if line.get_linewidth() == 0.7]
    assert len(thin) == len(lacking)
