"""Where the sampled token leads at sampled-off cliffs, and where the greedy one would."""

import pytest
from helpers.exhibits import show, words
from helpers.exhibits import values as values_of
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
        assert f"greedy - sampled {gap:+.2f}" in axes.get_title()
        beyond = (cell["greedy"] - cell["average"]).mean()
        assert f"greedy - average {beyond:+.2f}" in axes.get_title()
        assert f"a single alternative at {cell['alternatives'].eq(1).sum()}" in axes.get_title()


def test_the_average_alternative_follows_from_the_arms_and_q(given):
    values, _ = show("figure_06_recovery", given)
    assert len(values) > 5
    cliffs = given["cliffs"].set_index("cliff_id").loc[values["cliff_id"]]
    counts = given["resampling"].set_index(["arm", "cliff_id"])["successes"]
    deleted, kept = (counts[arm].loc[values["cliff_id"]].to_numpy() / 64 for arm in ("del", "keep"))
    q = cliffs["sampler_probability"].to_numpy()
    # (1) of docs/estimators.md: the potential before is a mean over the token and all others.
    assert (q * kept + (1 - q) * values["average"]).to_numpy() == pytest.approx(deleted)
    one = values.iloc[0]
    places = given["alternatives"]["trace_id"] + "@" + given["alternatives"]["t"].astype(str)
    assert one["alternatives"] == places.eq(one["cliff_id"]).sum()


def test_a_greedy_token_that_leads_as_far_as_the_average_gains_over_the_sampled_one_all_the_same(
    given,
):
    average = values_of("figure_06_recovery", given).set_index("cliff_id")["average"].clip(0, 1)
    candidates = given["candidates"]
    same = (candidates["cliff_id"].map(average) * 64).where(candidates["is_greedy"])
    candidates = candidates.assign(successes=same.fillna(candidates["successes"]))
    again = values_of("figure_06_recovery", given, candidates=candidates)
    beyond = again["average"].clip(0, 1) - again["average"]  # noise alone puts it past 0 and 1
    assert again["advantage"].to_numpy() == pytest.approx(
        beyond.groupby(again["model"]).transform("mean")
    )
    assert (again["gap"] > 0.1).all()
