"""What holds of every figure, also where there is nothing to draw or much of it."""

import warnings

import pytest
from helpers import exhibits, synthetic
from helpers.exhibits import show, words

from cliff_tokens.exhibits import style

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
    "figure_recovered_trace": "potential",
    "figure_audit": "",
    "figure_prevalence_null": "number of cliffs",
    "figure_cut_points": "cliff, critical\nand tangent\npass@k",
}


def everything(given):
    """Values and drawing of every figure of a run, by name."""
    figures = {}
    for name in LABELS:
        kind = name.partition("ranks_")[2]
        outcome = name.partition("pass_at_k_")[2]
        figures[name] = show(name, given, kind=kind, outcome=outcome)
    return figures


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
    assert "no such incorrect\ntraces" in words(figures["figure_cut_points"][1])
    assert "no trace of this\nrun has a cliff" in words(figures["example_traces"][1])
    assert figures["example_traces"][0].empty
    assert "no trace of this\nrun ends correct\nafter a confirmed\ncliff" in words(
        figures["figure_recovered_trace"][1]
    )
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
