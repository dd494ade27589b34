"""Intervals and pass@k against enumeration, known values and simulation."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from cliff_tokens.statistics import (
    COUNT,
    FEWEST,
    SHARE,
    Intervals,
    bootstrap,
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


def labelled(rng, clusters, most=4):
    return np.repeat(np.arange(clusters), rng.integers(1, most, clusters))


def means(rng, clusters):
    labels = labelled(rng, clusters)
    effects = rng.normal(size=clusters)[labels] + 0.5 * rng.normal(size=len(labels))
    return (effects, labels), 0


def counted_shares(rng, clusters):
    """Successes of 64 rollouts at cliffs whose potentials differ by problem."""
    labels = labelled(rng, clusters)
    return (rng.binomial(64, rng.beta(3, 4, clusters)[labels]) / 64, labels), 3 / 7


def paired_differences(rng, clusters):
    labels = labelled(rng, clusters)
    before = rng.beta(4, 3, clusters)[labels]
    drawn = [rng.binomial(64, potential) / 64 for potential in (before, 0.4 * before)]
    return (drawn[0] - drawn[1], labels), 0.6 * 4 / 7


@pytest.mark.parametrize("draw", [means, counted_shares, paired_differences])
@pytest.mark.parametrize("clusters", [5, 7, 12, 24])
def test_the_bootstrap_covers_as_often_as_it_says_with_few_clusters(draw, clusters):
    # Percentile intervals alone cover .80 to .93 of these.
    rng, trials, covered = np.random.default_rng(99), 3000, 0
    for seed in range(trials):
        rows, truth = draw(rng, clusters)
        low, high = cluster_bootstrap(*rows, Intervals(0.95, 300, seed))
        covered += low <= truth <= high
    assert 0.93 <= covered / trials <= 0.97


@pytest.mark.parametrize("clusters", range(FEWEST))
def test_fewer_than_five_clusters_tell_no_interval(clusters):
    labels = np.repeat(np.arange(clusters), 9)
    values = np.random.default_rng(1).normal(size=len(labels))
    assert np.isnan(cluster_bootstrap(values, labels, INTERVALS)).all()
    assert np.isnan(median_interval(values, labels, INTERVALS)).all()


@pytest.mark.parametrize("clusters", [3, 4, 5, 6, 8, 12, 24])
def test_the_share_interval_covers_as_often_as_it_says_with_few_clusters(clusters):
    # A share of a few rows takes few values, so that coverage moves in steps with the true share
    # (.92 to .975): what is held is its mean over shares, with and without dependence.
    shapes = [(0.6, 1.4), (2, 2), (3, 1), (0.2, 1.8), (300, 700)]
    rng, trials, covered = np.random.default_rng(12), 800, 0
    for shape in shapes:
        for _ in range(trials):
            labels = labelled(rng, clusters, most=5)
            flags = rng.random(len(labels)) < rng.beta(*shape, clusters)[labels]
            low, high = share_interval(flags, labels, 0.95)
            covered += low <= shape[0] / sum(shape) <= high
    assert 0.93 <= covered / trials / len(shapes) <= 0.97


def test_widening_is_students_over_the_normal_quantile_and_for_the_variance_that_is_lost():
    values, labels = np.arange(6.0), np.arange(6)
    drawn = np.random.default_rng(7).integers(6, size=(400, 6))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    factor = t.ppf(0.975, 5) * np.sqrt(6 / 5) / norm.ppf(0.975)
    expected = 2.5 - factor * (2.5 - low), 2.5 + factor * (high - 2.5)
    assert cluster_bootstrap(values, labels, INTERVALS) == pytest.approx(expected)
    # Of many clusters nothing is left of it.
    values, labels = np.arange(4000.0) % 7, np.arange(4000)
    plain = bootstrap(lambda sums: sums[..., 0] / 4000, values[:, None], labels, INTERVALS)
    assert np.ptp(plain) == pytest.approx(2 * norm.ppf(0.975) * values.std() / 4000**0.5, rel=0.1)


def test_clusters_of_unequal_size_count_as_fewer():
    values = np.random.default_rng(2).normal(size=8)
    even = np.arange(8)
    uneven = np.repeat(even, [9, 1, 1, 1, 1, 1, 1, 1])
    alone = [np.ptp(cluster_bootstrap(values, even, INTERVALS))]
    # The same cluster means, weighed alike: only their effective number differs.
    weights = 1 / np.bincount(uneven)[uneven]
    once = cluster_bootstrap(values[uneven] * weights, uneven, INTERVALS, weights)
    effective = 16**2 / (81 + 7)
    ratio = t.ppf(0.975, effective - 1) / t.ppf(0.975, 7)
    assert np.ptp(once) / alone[0] == pytest.approx(ratio)


def test_an_interval_stays_where_the_quantity_can_lie():
    values, labels = np.array([0.0, 0, 0, 0.1, 0.9, 1.0]), np.arange(6)
    low, high = cluster_bootstrap(values, labels, INTERVALS)
    assert low < 0
    assert cluster_bootstrap(values, labels, INTERVALS, limits=SHARE) == (0, high)
    assert cluster_bootstrap(1 - values, labels, INTERVALS, limits=SHARE)[1] == 1
    assert median_interval(values, labels, INTERVALS, COUNT)[0] == 0


def test_the_rows_that_are_counted_say_how_many_clusters_there_are():
    rows = np.column_stack([np.arange(12.0), np.ones(12)])
    labels, first = np.arange(12) % 6, np.arange(12) < 4

    def mean(sums):
        return sums[..., 0] / sums[..., 1]

    assert np.isfinite(bootstrap(mean, rows, labels, INTERVALS)).all()
    assert np.isnan(bootstrap(mean, rows, labels, INTERVALS, counted=first)).all()


def test_a_share_of_single_rows_has_the_plain_wilson_interval():
    flags = np.arange(40) < 9
    assert share_interval(flags, np.arange(40), 0.95) == pytest.approx(wilson(9, 40, 0.95))


def test_rows_of_a_cluster_that_agree_count_once():
    flags = np.repeat(np.arange(40) < 9, 3)
    once = wilson(9, 40, 0.95)
    thrice = share_interval(flags, np.repeat(np.arange(40), 3), 0.95)
    assert thrice == pytest.approx(once, rel=0.01)


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
    tokens = np.array([10.0, 20, 30, 40, 50, 60])
    odds = [1, -1, 1, -1, 1, -1]
    low, high = cluster_bootstrap(0.5 * tokens + odds, range(6), INTERVALS, tokens)
    assert 0.4 < low < 0.5 < high < 0.6


@pytest.mark.parametrize(
    ("values", "labels"),
    [([], []), ([1.0], ["a"]), ([0.0, 1.0], ["a", "a"]), ([0.3] * 6, range(6))],
    ids=["nothing", "one row", "one cluster", "no spread"],
)
def test_no_interval_rather_than_one_of_no_width(values, labels):
    assert np.isnan(cluster_bootstrap(values, labels, INTERVALS)).all()


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


def test_the_median_interval_is_that_of_the_medians_of_resampled_clusters():
    rng = np.random.default_rng(5)
    values, clusters = rng.normal(size=31), np.arange(31) % 9
    found = median_interval(values, clusters, Intervals(0.9, 300, 2))
    drawn = np.random.default_rng(2).integers(9, size=(300, 9))
    medians = [
        np.median(np.concatenate([values[clusters == one] for one in which])) for which in drawn
    ]
    ends, middle = np.quantile(medians, [0.05, 0.95]), np.median(values)
    effective = 31**2 / (4 * 16 + 5 * 9)
    factor = t.ppf(0.95, effective - 1) * np.sqrt(9 / 8) / norm.ppf(0.95)
    assert found == pytest.approx(middle + factor * (ends - middle))


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    # Six clusters of one row: every resample has six rows, and most medians are halves.
    values = np.arange(6.0)
    low, high = median_interval(values, range(6), INTERVALS)
    assert low + high == pytest.approx(5, abs=1.5)
    assert np.isnan(median_interval([], [], INTERVALS)).all()
    assert np.isnan(median_interval([1.0] * 6, range(6), INTERVALS)).all()
