"""How cliffs change from the source to the evaluator: Figures 4 and 11."""

import pytest
from helpers.exhibits import show, values, words

from cliff_tokens.exhibits.transfer import (
    VIOLIN,
    beside_controls,
    changes,
    mass_changes,
    side_by_side,
)
from cliff_tokens.stages.taxonomy import KINDS


def test_cliff_mass_is_summed_over_the_sources_members(seen):
    agreement, _, members = seen
    mass = mass_changes(agreement, members).set_index("cliff_id")
    # .60 + .10 in the source and .20 + .25 in the evaluator; token 6 is no member as published.
    assert mass.loc["s/d/a/0@3", ["source_mass", "evaluator_mass", "delta"]].tolist() == (
        pytest.approx([0.7, 0.45, -0.25])
    )
    assert mass.loc["s/d/b/0@8", "delta"] == pytest.approx(0.2)
    none = mass_changes(agreement, members[:0])
    assert len(none) == 3
    assert none["evaluator_mass"].eq(0).all()


def test_changes_hold_a_row_for_each_measure_and_its_median(seen):
    rows = changes(*seen, {"s/d/a/0@3": "yes"})
    assert rows.value_counts("measure").to_dict() == {"mass": 3, "token": 3, "control": 2}
    of_cliff = rows["cliff_id"].eq("s/d/a/0@3") & rows["measure"].ne("control")
    assert rows.loc[of_cliff, "confirmed"].eq("yes").all()
    cell = rows[rows["kind"].eq("uncertain")].set_index(["measure", "cliff_id"])
    assert cell.loc[("token", "s/d/a/0@3"), "value"] == pytest.approx(-0.4)
    assert cell.loc[("control", "s/d/b/0@8"), "value"] == pytest.approx(-0.1)
    assert cell.loc["mass", "median"].unique() == pytest.approx([-0.025])
    assert cell.loc["token", "n"].unique().tolist() == [2]


def test_a_cliff_that_was_scored_but_is_not_known_is_named(seen):
    agreement, cliffs, _ = seen
    with pytest.raises(ValueError, match=r"s/d/b/0@9: was scored but is not among the cliffs"):
        beside_controls(agreement, cliffs[:2])


def test_directions_of_the_same_models_stand_side_by_side():
    pairs = [("a", "b"), ("c", "d"), ("b", "a")]
    assert side_by_side(pairs) == [("a", "b"), ("b", "a"), ("c", "d")]


def test_changes_are_drawn_as_points_with_their_median_and_counts(given):
    frame, figure = show("figure_11_delta_cpm", given)
    cell = frame[frame["source"].eq("small") & frame["measure"].eq("mass")]
    counts = cell.groupby("kind")["value"].size()
    labels = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    kinds = [kind for kind in KINDS if kind in set(frame["kind"]) or kind != "other"]
    assert labels == [str(counts.get(kind, 0)) for kind in kinds]
    points = [line for line in figure.axes[1].lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in points) == len(cell)
    violins = len(figure.axes[1].collections)
    assert violins == (counts >= VIOLIN).sum()


def test_the_first_pair_and_its_reverse_share_figure_4(given):
    frame, figure = show("figure_04_cliff_mass_and_transfer", given)
    (source, evaluator), *_ = given["pairs"]
    own = frame[frame["part"].eq("a")]
    assert own["model"].unique().tolist() == [source]
    change = frame[frame["part"].eq("b")]
    assert set(change["source"]) == {source, evaluator}
    assert change["measure"].unique().tolist() == ["mass"]
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert titles == [
        f"(a) {source}",
        f"(b) {source} → {evaluator}",
        f"(b) {evaluator} → {source}",
    ]
    assert figure.axes[1].get_ylim() == figure.axes[2].get_ylim()


def test_a_run_that_compares_no_models_is_drawn(quiet):
    for name in ("figure_11_delta_cpm", "figure_04_cliff_mass_and_transfer"):
        _, figure = show(name, quiet, pairs=[])
        assert "no pair of models\nis compared" in words(figure)
    assert values("figure_11_delta_cpm", quiet).empty
