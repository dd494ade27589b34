"""Cut points as they are drawn."""

import pytest
from helpers import synthetic
from helpers.exhibits import INTERVALS, words

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.figure_cut_points import POSITIONS, SCORES, draw, values
from cliff_tokens.stages.cut_points import CutRules


def show(run):
    tables = (run[name] for name in ("estimates", "traces", "cliffs"))
    models = list(run["traces"]["model"].unique())
    frame = values(synthetic.cut_points(run), *tables, CutRules(), INTERVALS, models)
    return frame, draw(frame)


@pytest.fixture(scope="module")
def run():
    return synthetic.run()


@pytest.fixture(scope="module")
def drawn(run):
    return show(run)


def test_populations_are_rows_and_positions_the_last(drawn):
    figure = drawn[1]
    assert figure.axes[0].get_ylabel() == "cliff, critical\nand tangent\npass@k"
    assert figure.axes[-1].get_xlabel() == "position, t / T"


def test_every_cut_point_that_is_found_is_drawn_at_its_position(run, drawn):
    values, figure = drawn
    positions = values[values["shows"].eq(POSITIONS)]
    incorrect = run["cliffs"]["outcome"].eq("incorrect").sum()
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


def test_a_run_without_cliffs_says_so():
    figure = show(synthetic.run(problems=3, jump=0))[1]
    figure.canvas.draw()
    assert "no such incorrect\ntraces" in words(figure)
