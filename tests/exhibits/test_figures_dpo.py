"""Values and drawings of the figures of Cliff-DPO, also where nothing was trained."""

import numpy as np
import pandas as pd
import pytest
from helpers.answers import ADAPTERS, DOMAINS, INTERVALS, answers, recounts
from helpers.exhibits import words

from cliff_tokens.exhibits import figure_dpo_accuracy as dpo_accuracy
from cliff_tokens.exhibits import figure_dpo_cliffs as dpo_cliffs
from cliff_tokens.exhibits import figure_dpo_positions as dpo_positions
from cliff_tokens.exhibits import figure_dpo_training as dpo_training
from cliff_tokens.exhibits import style

VARIANTS = ["all", "uncertain", "deterministic"]  # nothing was trained on the last
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def evaluated():
    rng = np.random.default_rng(2)
    return pd.concat(
        answers(rng.integers(0, 2, (9, 2)), variant, dataset, decoding, seed)
        for variant in ("base", "all", "uncertain")
        for dataset in DOMAINS
        for decoding in ("greedy", "sampled")
        for seed in SEEDS
    )


@pytest.fixture(scope="module")
def counted():
    rng = np.random.default_rng(3)
    return pd.concat(
        recounts(rng.integers(0, 3, 9), variant, seed=seed)
        for variant in ("base", "all", "uncertain")
        for seed in SEEDS
    )


def test_gains_are_drawn_with_their_seeds_and_an_empty_variant_says_so(evaluated):
    values = dpo_accuracy.values(evaluated, ADAPTERS, INTERVALS, ["m"], VARIANTS, DOMAINS)
    pooled = values[values["seed"].isna()]
    assert len(pooled) == 3 * 2 * 3  # data sets, decodings, variants
    single = values[values["seed"].notna()]
    assert set(single["variant"]) == {"all", "uncertain"}
    means = single.groupby(["dataset", "decoding", "variant"])["gain"].mean()
    both = pooled.set_index(["dataset", "decoding", "variant"])["gain"].dropna()
    pd.testing.assert_series_equal(both.sort_index(), means.sort_index())
    figure = dpo_accuracy.draw(values)
    assert len(figure.axes) == 6
    assert words(figure).count("no pairs") == 6


def test_gains_stand_at_the_positions_that_carried_loss(evaluated):
    values = dpo_positions.values(evaluated, ADAPTERS, INTERVALS, ["m"], VARIANTS, DOMAINS)
    assert values.groupby("variant")["loss_positions"].unique().map(list).to_dict() == {
        "all": [80], "deterministic": [0], "uncertain": [24],
    }  # fmt: skip
    figure = dpo_positions.draw(values)
    assert figure.axes[0].get_xscale() == "log"
    points = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() in "ov"]
    assert sorted(points) == [24, 80]  # a log axis has no place for zero


def test_cliffs_before_and_after_are_drawn_and_an_empty_variant_says_so(counted):
    values = dpo_cliffs.values(counted, ADAPTERS, INTERVALS, ["m"], VARIANTS, ["chains"])
    assert values["variant"].tolist() == ["base", *VARIANTS]
    empty = values.set_index("variant").loc["deterministic"]
    assert empty["traces"] == 0
    assert np.isnan(empty["per_trace"])
    figure = dpo_cliffs.draw(values)
    assert words(figure).count("no pairs") == 2


def histories(variants):
    steps = pd.DataFrame({"step": [1, 2, 2], "split": ["train", "train", "held_out"]})
    return pd.concat(
        steps.assign(model="m", variant=variant, seed=str(seed), pairs=8,
                     loss=0.7, margin=0.1 * seed, accuracy=0.5)
        for variant in variants
        for seed in SEEDS
    )  # fmt: skip


def test_training_curves_are_means_over_seeds():
    figure = dpo_training.draw(dpo_training.values(histories(["all"])), ["m"], VARIANTS)
    margins = [line.get_ydata() for line in figure.axes[2].lines if len(line.get_xdata())]
    np.testing.assert_allclose(margins, [[0.15]])
    assert "deterministic (no pairs)" in words(figure)


def test_figures_are_drawn_where_nothing_was_trained(evaluated, counted):
    base, before = (frame[frame["variant"].eq("base")] for frame in (evaluated, counted))
    figure = dpo_accuracy.draw(
        dpo_accuracy.values(base, ADAPTERS, INTERVALS, ["m"], ["deterministic"], DOMAINS)
    )
    assert words(figure).count("no pairs") == 6
    values = dpo_positions.values(base, ADAPTERS, INTERVALS, ["m"], ["deterministic"], DOMAINS)
    assert any("nothing" in text for text in words(dpo_positions.draw(values)))
    dpo_cliffs.draw(
        dpo_cliffs.values(before, ADAPTERS, INTERVALS, ["m"], ["deterministic"], ["chains"])
    )
    nothing = histories(["all"]).iloc[:0]
    figure = dpo_training.draw(dpo_training.values(nothing), ["m"], ["deterministic"])
    assert words(figure).count("no pairs") == 3


def test_every_variant_has_a_color_of_its_own():
    colors = style.VARIANT_COLORS
    assert len(set(colors.values())) == len(colors)
    assert all(colors[kind] == style.KIND_COLORS[kind] for kind in ("uncertain", "sampled_off"))
    assert colors.keys() == style.VARIANT_MARKERS.keys()
