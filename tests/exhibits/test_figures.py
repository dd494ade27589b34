"""What holds of every figure, also where there is nothing to draw or much of it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import exhibits, synthetic
from helpers.exhibits import INTERVALS, show, words

from cliff_tokens.exhibits import figure_cut_points as cut_points
from cliff_tokens.exhibits import figure_estimators as estimators
from cliff_tokens.exhibits import style
from cliff_tokens.stages.cut_points import CutRules

SEVEN = ("q-8b", "q-4b", "q-0.6b", "l-3.1-8b-instruct", "l-3.2-3b-instruct", "l-1b", "g-3-4b-it")
LABELS = {
    "figure_01_decision_boundary": "drop in potential",
    "figure_02_share_with_cliff": "share of traces\nwith a cliff",
    "figure_03_cliffs_per_trace": "mean cliffs per trace",
    "figure_04_cliff_mass_and_transfer": "cliff mass",
    "figure_05_cliff_mass": "cliff mass",
    "figure_06_recovery": "",
    "figure_11_delta_cpm": "change of the cliff mass",
    "figure_12_ranks_deterministic": "",
    "figure_13_ranks_uncertain": "",
    "figure_14_ranks_sampled_off": "",
    "figure_15_entropy_density": "density per decade",
    "figure_16_pass_at_k_incorrect": "chains\npass@k",
    "figure_17_pass_at_k_correct": "chains\npass@k",
    "example_traces": "potential",
    "figure_audit": "",
    "figure_prevalence_null": "number of cliffs",
    "cut_points": "cliff, critical\nand tangent\npass@k",
}


def everything(given):
    """Values and drawing of every figure of a run, by name."""
    figures = {}
    for name in LABELS:
        if name == "cut_points":
            continue
        kind = name.partition("ranks_")[2]
        outcome = name.partition("pass_at_k_")[2]
        figures[name] = show(name, given, kind=kind, outcome=outcome)
    names = ("cut_points", "estimates", "traces", "cliffs")
    frame = cut_points.values(
        *(given[name] for name in names), CutRules(), INTERVALS, given["models"]
    )
    return figures | {"cut_points": (frame, cut_points.draw(frame))}


def costs(models):
    """Error against cost as ``estimators.values`` gives them, of a law without noise."""
    rollouts = np.array([8, 16, 32, 64, 128, 256])
    rows = []
    for model in models:
        for name, price in (("independent", 1e5), ("recursive", 1e4), ("adaptive", 1.5e4)):
            line = pd.DataFrame(
                {
                    "model": model,
                    "estimator": name,
                    "rollouts": rollouts,
                    "generated_tokens": price * rollouts,
                    "rmse": 0.3 / np.sqrt(rollouts),
                    "source": estimators.SIMULATED,
                }
            )
            point = line[line["rollouts"].eq(64)].assign(
                source=estimators.MEASURED, rmse_low=0.03, rmse_high=np.nan
            )
            rows += [line if name != "adaptive" else line.iloc[:0], point]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def drawn(given):
    return everything(given)


@pytest.mark.parametrize(("name", "label"), LABELS.items())
def test_axes_say_what_they_show(drawn, name, label):
    assert drawn[name][1].axes[0].get_ylabel() == label


def test_figures_are_as_wide_as_the_page_or_a_column(drawn):
    for name, (_, figure) in drawn.items():
        assert style.COLUMN <= figure.get_figwidth() <= style.PAGE, name


def test_a_run_without_cliffs_is_drawn(quiet):
    figures = everything(quiet)
    assert words(figures["figure_audit"][1]).count("no cliffs") == 2
    assert "no such incorrect\ntraces" in words(figures["cut_points"][1])
    assert "no trace of this\nrun has a cliff" in words(figures["example_traces"][1])
    assert figures["example_traces"][0].empty
    assert words(figures["figure_06_recovery"][1]).count("no sampled-off\ncliffs") == 2
    assert words(figures["figure_prevalence_null"][1]).count("no cliffs") == 2 * 3
    assert words(figures["figure_05_cliff_mass"][1]).count("none") == 2 * 3
    entropy = words(figures["figure_15_entropy_density"][1])
    assert any("cliff: none" in text for text in entropy)
    for _, figure in figures.values():
        figure.canvas.draw()


def test_seven_models_and_one_problem_are_drawn_without_warnings():
    for models, problems in ((SEVEN, 3), (("only",), 1)):
        run = synthetic.run(models=models, datasets=("chains",), problems=problems)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _, figure in everything(exhibits.given(run)).values():
                figure.canvas.draw()


@pytest.mark.parametrize("models", [("only",), SEVEN])
def test_error_against_cost_is_drawn_for_any_number_of_models(models):
    figure = estimators.draw(costs(models))
    figure.canvas.draw()
    assert "adaptive, measured" in words(figure)
    for axes in figure.axes[: len(models)]:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert {text.get_text() for text in axes.texts} == {"8", "256"}


def test_every_cut_point_that_is_found_is_drawn_at_its_position(given, drawn):
    values, figure = drawn["cut_points"]
    places = values[values["shows"].eq(cut_points.PLACES)]
    incorrect = given["cliffs"]["outcome"].eq("incorrect").sum()
    assert places["method"].eq("cliff").sum() == incorrect > 0
    strips = figure.axes[-2:]
    shown = sum(len(line.get_xdata()) for axes in strips for line in axes.lines)
    medians = sum(line.get_color() == style.INK for axes in strips for line in axes.lines)
    assert shown - 2 * medians == len(places)
    assert all(axes.get_title().startswith("n = ") for axes in strips)


def test_a_thin_line_stands_where_traces_without_a_cut_point_are_scored_zero(drawn):
    values, figure = drawn["cut_points"]
    scores = values[values["shows"].eq(cut_points.SCORES)]
    lacking = scores.drop_duplicates(["population", "model", "method"])
    lacking = lacking[lacking["with_cut"].lt(lacking["n"])]
    thin = [line for axes in figure.axes for line in axes.lines if line.get_linewidth() == 0.7]
    assert len(thin) == len(lacking)
