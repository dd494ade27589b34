"""Intervals and pass@k against enumeration, known values and simulation."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest

from cliff_tokens.statistics import (
    Intervals,
    cluster_bootstrap,
    density,
    median_interval,
    pass_at_k,
    percentile_interval,
    share_interval,
    subsample,
    wilson,
)

INTERVALS = Intervals(confidence=0.95, repetitions=400, seed=7)


@pytest.mark.parametrize("successes", range(6))
@pytest.mark.parametrize("k", range(1, 6))
def test_pass_at_k_is_the_share_of_subsets_with_a_success(successes, k):
    rollouts = [i < successes for i in range(5)]
    subsets = list(itertools.combinations(rollouts, k))
    expected = sum(any(subset) for subset in subsets) / len(subsets)
    assert pass_at_k(successes, 5, k) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("k", [1, 2, 16, 64])
def test_pass_at_k_takes_counts_as_they_are_stored(k):
    successes = np.arange(65, dtype=np.int16)
    assert pass_at_k(successes, np.int16(64), k).tolist() == pass_at_k(range(65), 64, k).tolist()


@pytest.mark.parametrize(("rollouts", "k"), [(1, 1), (64, 1), (64, 17), (64, 64), (1000, 300)])
def test_pass_at_k_is_correctly_rounded(rollouts, k):
    exact = [1 - Fraction(comb(rollouts - c, k), comb(rollouts, k)) for c in range(rollouts + 1)]
    assert pass_at_k(np.arange(rollouts + 1), rollouts, k).tolist() == list(map(float, exact))


def test_pass_at_k_takes_as_many_rollouts_as_a_table_can_hold():
    assert pass_at_k(1, 30_000, 1) == 1 / 30_000
    assert pass_at_k([0, 1, 32_767], 32_767, 32_767).tolist() == [0, 1, 1]
    assert pass_at_k(np.array([3, 3]), np.array([4, 8]), 2).tolist() == pytest.approx([1, 9 / 14])


@pytest.mark.parametrize(
    ("successes", "rollouts", "k"), [(1, 4, 5), (1, 4, 0), (5, 4, 1), (-1, 4, 1)]
)
def test_pass_at_k_refuses_what_it_cannot_answer(successes, rollouts, k):
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(successes, rollouts, k)


@pytest.mark.parametrize("successes", [0, 1, 8, 31, 64])
def test_wilson_agrees_with_scipy(successes):
    known = binomtest(successes, 64).proportion_ci(0.95, method="wilson")
    assert wilson(successes, 64, 0.95) == pytest.approx((known.low, known.high), abs=1e-12)


def test_wilson_of_nothing_is_no_interval():
    low, high = wilson([0, 0], [0, 4], 0.95)
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] == 0
    assert 0 < high[1] < 1


def clustered(rng, clusters=60):
    """Rows of clusters of unequal size that share most of their variation."""
    sizes = rng.integers(1, 8, clusters)
    labels = np.repeat(np.arange(clusters), sizes)
    return rng.normal(size=clusters)[labels] + 0.3 * rng.normal(size=len(labels)), labels


def test_the_bootstrap_covers_the_mean_of_clustered_rows():
    rng, trials = np.random.default_rng(11), 400
    covered = 0
    for _ in range(trials):
        low, high = cluster_bootstrap(*clustered(rng), INTERVALS)
        covered += low <= 0 <= high
    # Percentile intervals of 60 clusters fall a little short of their level: four binomial
    # standard deviations allow it. Rows taken as independent would cover two thirds.
    assert abs(covered / trials - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials)


def test_the_share_interval_covers_the_share_of_clustered_rows():
    rng, trials = np.random.default_rng(12), 400
    covered = 0
    for _ in range(trials):
        sizes = rng.integers(1, 8, 80)
        labels = np.repeat(np.arange(80), sizes)
        flags = rng.random(len(labels)) < rng.beta(0.6, 1.4, 80)[labels]
        low, high = share_interval(flags, labels, 0.95)
        covered += low <= 0.3 <= high
    assert abs(covered / trials - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials)


def test_a_share_of_single_rows_has_the_plain_wilson_interval():
    flags = np.arange(40) < 9
    assert share_interval(flags, np.arange(40), 0.95) == pytest.approx(wilson(9, 40, 0.95))


def test_rows_of_a_cluster_that_agree_count_once():
    flags = np.repeat(np.arange(40) < 9, 3)
    once = wilson(9, 40, 0.95)
    assert share_interval(flags, np.repeat(np.arange(40), 3), 0.95) == pytest.approx(once)


def test_the_bootstrap_depends_on_the_seed_and_not_on_the_order_of_rows():
    values, labels = clustered(np.random.default_rng(3))
    backwards = cluster_bootstrap(values[::-1], labels[::-1], INTERVALS)
    assert cluster_bootstrap(values, labels, INTERVALS) == pytest.approx(backwards)
    other = cluster_bootstrap(values, labels, Intervals(0.95, 400, seed=8))
    assert other != pytest.approx(backwards)


def test_columns_of_the_bootstrap_share_their_resamples():
    values, labels = clustered(np.random.default_rng(4))
    low, high = cluster_bootstrap(np.column_stack([values, 2 * values]), labels, INTERVALS)
    np.testing.assert_allclose([low[1], high[1]], [2 * low[0], 2 * high[0]])
    assert cluster_bootstrap(values, labels, INTERVALS) == pytest.approx((low[0], high[0]))


def test_weights_make_the_bootstrap_one_of_ratios():
    tokens = np.array([10.0, 20, 30, 40])
    low, high = cluster_bootstrap(0.5 * tokens + [1, -1, 1, -1], range(4), INTERVALS, tokens)
    assert 0.4 < low < 0.5 < high < 0.65


@pytest.mark.parametrize(
    ("values", "labels"),
    [([], []), ([1.0], ["a"]), ([0.0, 1.0], ["a", "a"]), ([0.3, 0.3, 0.3], ["a", "b", "c"])],
    ids=["nothing", "one row", "one cluster", "no spread"],
)
def test_no_interval_rather_than_one_of_no_width(values, labels):
    assert np.isnan(cluster_bootstrap(values, labels, INTERVALS)).all()


def test_the_median_of_resamples_is_that_of_the_rows_they_hold():
    # Both clusters, or one of them twice: medians 3, 1 and 10, at shares of 1/2, 1/4 and 1/4.
    values, labels = [10.0, 1, 3, 10, 1], ["b", "a", "a", "b", "a"]
    assert median_interval(values, labels, Intervals(0.6, 400, 1)) == (1, 10)
    assert median_interval(values, labels, Intervals(0.4, 400, 1)) == (3, 3)


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    values, labels = [0.0, 1.0], ["a", "b"]
    # 0, 1/2 and 1, at shares of 1/4, 1/2 and 1/4.
    assert median_interval(values, labels, Intervals(0.9, 400, 1)) == (0, 1)
    assert median_interval(values, labels, Intervals(0.2, 400, 1)) == (0.5, 0.5)
    assert np.isnan(median_interval([], [], INTERVALS)).all()
    assert np.isnan(median_interval([1.0, 2.0], ["a", "a"], INTERVALS)).all()
    assert np.isnan(median_interval([1.0, 1.0], ["a", "b"], INTERVALS)).all()


def test_undefined_resamples_are_left_out_while_they_are_few():
    resamples = np.append(np.linspace(0, 1, 99), np.nan)
    assert percentile_interval(resamples, 0.95) == pytest.approx((0.025, 0.975))
    resamples[:10] = np.nan
    assert np.isnan(percentile_interval(resamples, 0.95)).all()


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        Intervals(confidence, 100, 1)


def test_a_density_has_area_one_and_needs_two_values():
    at = np.linspace(-9, 9, 500)
    values = np.random.default_rng(5).normal(size=300)
    assert np.trapezoid(density(values, at), at) == pytest.approx(1, abs=1e-3)
    assert np.isnan(density([1.0, 1.0], at)).all()


def test_a_subsample_keeps_what_fits_and_repeats():
    values = np.arange(100)
    assert subsample(values, 100, 1).tolist() == values.tolist()
    drawn = subsample(values, 10, 1)
    assert drawn.tolist() == sorted(set(drawn))
    assert drawn.tolist() == subsample(values, 10, 1).tolist()


def test_the_median_interval_is_that_of_medians_of_resampled_clusters():
    # Two clusters, {1, 9} and {5}: both drawn gives 5, the first twice 5, the second twice 5.
    assert np.isnan(median_interval([1, 9, 5], ["a", "a", "b"], Intervals(0.95, 500, 1))).all()
    # {1} and {2, 4}: the first twice 1, both 2, the second twice 3.
    low, high = median_interval([4, 1, 2], ["b", "a", "b"], Intervals(0.95, 500, 1))
    assert (low, high) == (1, 3)
    assert np.isnan(median_interval([4, 1], ["a", "a"], Intervals(0.95, 500, 1))).all()


def test_the_median_interval_agrees_with_numpy_on_each_resample():
    rng = np.random.default_rng(5)
    values, clusters = rng.normal(size=31), np.arange(31) % 9
    found = median_interval(values, clusters, Intervals(0.9, 300, 2))
    drawn = np.random.default_rng(2).integers(9, size=(300, 9))
    medians = [
        np.median(np.concatenate([values[clusters == one] for one in which])) for which in drawn
    ]
    assert found == pytest.approx(np.quantile(medians, [0.05, 0.95]))
