"""What all figures share: sizes, one font, colors, and equal bytes of equal values."""

import matplotlib
import pytest
from helpers.exhibits import show

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import OUTCOMES
from cliff_tokens.exhibits.pass_at_k import ARMS
from cliff_tokens.stages.taxonomy import KINDS


@pytest.fixture(scope="module", params=["figure_02_share_with_cliff", "example_traces"])
def twice(given, request):
    """A figure, drawn twice."""
    return [show(request.param, given, examples=1)[1] for _ in range(2)]


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_equal_values_give_equal_bytes(twice, tmp_path, suffix):
    paths = [tmp_path / f"{turn}.{suffix}" for turn in range(2)]
    for figure, path in zip(twice, paths, strict=True):
        style.save(figure, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_svg_keeps_text_as_text(given, tmp_path):
    path = tmp_path / "figure.svg"
    drawn = show("figure_01_decision_boundary", given)[1]
    style.save(drawn, path)
    assert "potential before the token</text>" in path.read_text()
    with pytest.raises(ValueError, match=r"expected \.svg"):
        style.save(drawn, tmp_path / "figure.jpeg")


def test_the_callers_settings_do_not_reach_a_figure(given, tmp_path):
    style.save(show("figure_01_decision_boundary", given)[1], tmp_path / "a.svg")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        style.save(show("figure_01_decision_boundary", given)[1], tmp_path / "b.svg")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_colors_have_one_meaning_each():
    palettes = (
        style.OUTCOME_COLORS,
        style.ESTIMATOR_COLORS,
        style.KIND_COLORS,
        style.ARM_COLORS,
        style.TOKEN_COLORS,
        {name: color for name, color in style.METHOD_COLORS.items() if name != "cliff"},
    )
    colors = [color for palette in palettes for color in palette.values()]
    assert len(colors) == len(set(colors))
    assert tuple(style.KIND_COLORS) == KINDS
    assert tuple(style.ARM_COLORS) == ARMS
    assert style.METHOD_COLORS["cliff"] == style.ARM_COLORS["del"]  # the same rollouts
    assert tuple(style.OUTCOME_COLORS) == OUTCOMES


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" the", "the"),
        ("\n\n", "↵↵"),
        (" ", "␣"),
        ("答", "□"),
        ("$x$", "$x$"),
        ("a" * 20, "a" * 13 + "…"),
    ],
)
def test_tokens_are_written_so_that_they_can_be_seen(token, shown):
    assert style.token_text(token) == shown


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("llama-3.1-8b-instruct", ["llama-3.1-8b-", "instruct"]),
        ("gemma", ["gemma"]),
        ("no cliffs here at all", ["no cliffs here", "at all"]),
    ],
)
def test_long_names_break_after_hyphens(name, lines):
    assert style.wrap(name, 14).split("\n") == lines
