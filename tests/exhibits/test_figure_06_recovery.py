"""Where the sampled token leads at sampled-off cliffs, and where the greedy one would."""

from helpers.exhibits import show, words
from helpers.two_cliffs import CANDIDATES, CLIFFS, A

from cliff_tokens.exhibits.figure_06_recovery import recovery


def test_recovery_sets_the_sampled_token_beside_the_greedy_one():
    rows = recovery(CANDIDATES, CLIFFS)
    assert rows["cliff_id"].tolist() == [A]  # B is not sampled-off
    columns = ["successes_sampled", "rollouts_sampled", "successes_greedy", "rollouts_greedy"]
    assert rows.loc[0, columns].tolist() == [40, 64, 60, 64]


def test_the_gap_of_a_panel_is_that_of_its_points(given):
    values, figure = show("figure_06_recovery", given)
    for axes, model in zip(figure.axes, given["models"], strict=True):
        cell = values[values["model"].eq(model)]
        if cell.empty:
            assert words(figure).count("no sampled-off\ncliffs") == 1
            continue
        gap = (cell["greedy"] - cell["sampled"]).mean()
        assert f"mean gap {gap:+.2f}" in axes.get_title()
        assert f"{(cell['greedy'] > cell['sampled']).sum()} of {len(cell)}" in axes.get_title()
