"""Paired differences against hand-made answers, known tests and simulation."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers.answers import ADAPTERS, DOMAINS, INTERVALS, answers
from scipy.stats import binom, binomtest, norm

from cliff_tokens.exhibits.gains import accuracy_gains, gain_columns, gains_by_seed
from cliff_tokens.statistics import Intervals, holm, sign_flip_p

VARIANTS = ["all", "uncertain"]


def compare(*parts, variants=VARIANTS, domains=DOMAINS, adapters=ADAPTERS):
    frame = accuracy_gains(pd.concat(parts), adapters, INTERVALS, ["m"], variants, domains)
    return frame.set_index(["dataset", "decoding", "variant"])


def test_a_gain_is_the_mean_over_problems_of_paired_differences():
    # Seed 1: right 2 of 4 before, 3 of 4 after; seed 2: 2 of 4 before and 2 of 4 after.
    found = compare(
        answers([1, 1, 0, 0], "base", seed=1),
        answers([1, 1, 0, 0], "base", seed=2),
        answers([1, 1, 1, 0], "all", seed=1),
        answers([0, 1, 1, 0], "all", seed=2),
    )
    base, tuned = found.loc[("chains", "greedy", "base")], found.loc[("chains", "greedy", "all")]
    assert (base["accuracy"], tuned["accuracy"]) == (0.5, 5 / 8)
    assert (tuned["n"], tuned["seeds"], tuned["answers"]) == (4, 2, 8)
    assert tuned["gain"] == pytest.approx(1 / 8)
    assert (tuned["won"], tuned["lost"]) == (2, 1)
    # Gains of the seeds are 1/4 and 0: their standard deviation is sqrt(2) / 8.
    assert tuned["seed_sd"] == pytest.approx(np.sqrt(2) / 8)
    # Sums of the problems are -1, 0, 2, 0, in all 1, which no choice of signs falls below.
    assert tuned["p"] == 1


def test_a_variant_without_pairs_has_no_rates_and_no_comparison():
    found = compare(answers([1, 0, 1], "base"), answers([1, 1, 1], "all"))
    empty = found.loc[("chains", "greedy", "uncertain")]
    assert (empty["n"], empty["answers"], empty["seeds"]) == (0, 0, 0)
    assert empty[["accuracy", "gain", "gain_low", "p", "p_holm", "seed_sd"]].isna().all()
    assert pd.isna(found.loc[("chains", "greedy", "base"), "won"])
    # One comparison was made, so nothing is adjusted for a second.
    tuned = found.loc[("chains", "greedy", "all")]
    assert tuned["p_holm"] == tuned["p"]


def test_training_that_changes_nothing_has_no_gain_and_no_interval():
    found = compare(answers([1, 0, 1, 1], "base"), answers([1, 0, 1, 1], "all"))
    tuned = found.loc[("chains", "greedy", "all")]
    assert (tuned["gain"], tuned["p"], tuned["won"], tuned["lost"]) == (0, 1, 0, 0)
    assert np.isnan(tuned["gain_low"])  # no spread between problems tells none


def test_the_order_of_rows_changes_nothing():
    rng = np.random.default_rng(0)
    rows = pd.concat(
        answers(rng.integers(0, 2, (30, 4)), variant, decoding="sampled", seed=seed)
        for variant in ("base", *VARIANTS)
        for seed in (1, 2)
    )
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(compare(rows), compare(shuffled))


def test_domains_of_several_data_sets_are_pooled_for_greedy_answers():
    parts = [
        answers(right, variant, dataset)
        for dataset, before, after in (
            ("chains", [0, 1], [1, 1]),
            ("factors", [0, 0, 0], [1, 1, 0]),
            ("marathons", [0], [0]),
        )
        for variant, right in (("base", before), ("all", after))
    ]
    parts += [answers([[0, 1]], variant, "marathons", "sampled") for variant in ("base", "all")]
    found = compare(*parts)
    pooled = found.loc[("out of domain", "greedy", "all")]
    assert (pooled["n"], pooled["gain"]) == (4, 0.5)
    labels = {(dataset, decoding) for dataset, decoding, _ in found.index}
    assert ("in domain", "greedy") not in labels  # it would repeat chains
    assert ("out of domain", "sampled") not in labels
    assert (found.loc["chains"]["domain"] == "in domain").all()


def test_p_is_adjusted_for_every_difference_of_the_table():
    rng = np.random.default_rng(4)
    parts = [answers(rng.integers(0, 2, 12), variant, dataset)
             for dataset in DOMAINS for variant in ("base", *VARIANTS)]  # fmt: skip
    found = compare(*parts)
    made = found["p"].notna()
    # Three data sets and the pooled two of one domain, two variants each.
    assert made.sum() == 8
    np.testing.assert_array_equal(found["p_holm"], holm(found["p"]))


def test_one_training_under_two_names_is_one_comparison():
    rng = np.random.default_rng(4)
    base, tuned, other = (rng.integers(0, 2, 12) for _ in range(3))
    parts = [answers(right, variant) for variant, right in
             (("base", base), ("all", tuned), ("uncertain", other), ("again", tuned))]  # fmt: skip
    twin = ADAPTERS[ADAPTERS["variant"].eq("all")].assign(variant="again")
    adapters = pd.concat([ADAPTERS, twin])
    found = compare(*parts, variants=[*VARIANTS, "again"], adapters=adapters)
    found = found.loc["chains", "greedy"]
    assert found["same_as"].dropna().to_dict() == {"again": "all"}
    adjusted = holm(found.loc[VARIANTS, "p"])
    assert found.loc[VARIANTS, "p_holm"].to_numpy() == pytest.approx(adjusted)
    assert found.loc["again", "p_holm"] == found.loc["all", "p_holm"]
    # Another seed's training is another one.
    changed = adapters.assign(weights=adapters["weights"].where(adapters["seed"].eq(1), "x"))
    changed["weights"] += changed["variant"].eq("again").astype(str)
    apart = compare(*parts, variants=[*VARIANTS, "again"], adapters=changed)
    assert apart["same_as"].isna().all()


def test_what_is_detectable_is_found_in_four_of_five_repetitions():
    rng = np.random.default_rng(8)
    parts = [answers(rng.integers(0, 2, 200), variant) for variant in ("base", "all")]
    tuned = compare(*parts).loc[("chains", "greedy", "all")]
    error = (tuned["gain_high"] - tuned["gain_low"]) / (2 * norm.ppf(0.975))
    assert norm.sf(norm.ppf(0.975) - tuned["detectable"] / error) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.iloc[1:], r"chains/p000, sample 0, seed 1: .* only the second"),
        (lambda rows: rows.assign(problem_id="q" + rows["problem_id"]), "only the"),
        (lambda rows: rows.assign(seed=9), "seed 9: .* only the first"),
    ],
)
def test_an_answer_without_a_partner_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        compare(answers([1, 0], "base"), change(answers([1, 1], "all")))


def test_problems_that_were_answered_unequally_often_are_refused():
    rows = [answers([[1, 0], [1, 1]], variant).iloc[:3] for variant in ("base", "all")]
    with pytest.raises(ValueError, match=r"chains/p001: answered 1 times by base, but chains/p000"):
        compare(*rows)


def test_the_gain_of_a_seed_is_that_of_its_own_pairs():
    rows = pd.concat(
        [
            answers([1, 0, 0], "base", seed=1),
            answers([1, 1, 0], "base", seed=2),
            answers([1, 1, 1], "all", seed=1),
            answers([0, 1, 0], "all", seed=2),
        ]
    )
    found = gains_by_seed(rows, ["m"], VARIANTS)
    assert found.set_index("seed")["gain"].to_dict() == pytest.approx({1: 2 / 3, 2: -1 / 3})


@pytest.mark.parametrize("sums", [[1, 2, -3], [4, 0, 4, -2], [1, 1, 1, 1, -1, 3], [5], [-2, -2]])
def test_the_sign_test_agrees_with_an_enumeration_of_all_signs(sums):
    sizes = np.abs(sums)
    totals = [abs(np.dot(signs, sizes)) for signs in itertools.product((-1, 1), repeat=len(sums))]
    expected = np.mean(np.array(totals) >= abs(sum(sums)))
    assert sign_flip_p(np.array(sums)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("won", "lost"), [(0, 5), (12, 3), (40, 40), (160, 110)])
def test_with_one_answer_a_problem_it_is_mcnemars_exact_test(won, lost):
    sums = np.repeat([1, -1, 0], [won, lost, 300])
    assert sign_flip_p(sums) == pytest.approx(binomtest(won, won + lost).pvalue, rel=1e-9)


def test_the_sign_test_at_its_ends():
    assert sign_flip_p(np.zeros(4)) == 1
    assert np.isnan(sign_flip_p(np.array([])))
    with pytest.raises(ValueError, match=r"whole numbers, found 0\.5"):
        sign_flip_p(np.array([1.0, 0.5]))


def test_holm_steps_down():
    # .01 * 4, .02 * 3, then .03 * 2 (not below what came before), .9 * 1.
    found = holm(np.array([0.03, 0.01, np.nan, 0.9, 0.02]))
    np.testing.assert_allclose(found, [0.06, 0.04, np.nan, 0.9, 0.06])
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]


def test_intervals_hold_the_true_gain_as_often_as_they_say():
    # 80 problems, 3 seeds, true gain .1: problems differ in how hard they are and in how much
    # they gain, seeds of a problem are draws at its chance.
    rng, held, errors, runs = np.random.default_rng(11), 0, 0, 300
    quick = Intervals(confidence=0.9, repetitions=200, seed=5)
    pairs = answers(np.zeros(80), "all")[["dataset", "problem_id"]]
    pairs = pd.concat([pairs.assign(seed=seed) for seed in (1, 2, 3)], ignore_index=True)
    for _ in range(runs):
        hard = rng.uniform(0.1, 0.7, 80)
        gain = rng.choice([0.0, 0.2], 80)
        for true, shift in ((0.1, gain), (0.0, 0 * gain)):
            before, after = rng.random((2, 3, 80)) < np.stack([hard, hard + shift])[:, None]
            pairs["correct"], pairs["correct_base"] = after.ravel() * 1, before.ravel() * 1
            row = gain_columns("gain", pairs, "correct", quick, "all")
            if true:
                held += row["gain_low"] <= true <= row["gain_high"]
            else:
                errors += row["p"] <= 0.1
    # Three standard deviations of a binomial about .9, and below about .1 for the exact test;
    # a percentile interval from 80 problems may be a little narrow.
    assert binom.ppf(0.001, runs, 0.88) <= held <= binom.ppf(0.999, runs, 0.92)
    assert errors <= binom.ppf(0.999, runs, 0.1)
