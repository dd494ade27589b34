"""Intervals, pass@k and densities.

Rows that share a problem are not independent: several cliffs of one trace, several traces of one
problem. Intervals of means and ratios therefore resample whole problems (clusters) and are widened
where these are few; intervals of shares count the effective number of rows. Where the data cannot
tell an interval (nothing measured, fewer than ``FEWEST`` clusters, no spread to resample) it is
NaN, never of zero width.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # its stats load where they are used: nearly every job imports this module

FEWEST = 5  # clusters, below which resampling them tells no interval
ANY, SHARE, DIFFERENCE, COUNT = (-np.inf, np.inf), (0.0, 1.0), (-1.0, 1.0), (0.0, np.inf)


@dataclass(frozen=True)
class Intervals:
    """How intervals are made: their confidence, and the resamples of those that are bootstrapped.

    Every call starts from ``seed``, so that an interval depends on its own rows only and not on
    what else is computed before it.
    """

    confidence: float
    repetitions: int
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must be in (0, 1), found {self.confidence}")
        if self.repetitions < 1:
            raise ValueError(f"repetitions must be at least 1, found {self.repetitions}")


def wilson(
    successes: np.ndarray | float, rollouts: np.ndarray | float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson score interval of a proportion; NaN where nothing was drawn."""
    successes, rollouts = np.broadcast_arrays(
        np.asarray(successes, dtype=float), np.asarray(rollouts, dtype=float)
    )
    z2 = critical_value(confidence) ** 2
    n = np.where(rollouts > 0, rollouts, np.nan)
    center = (successes + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (successes * (n - successes) / n + z2 / 4)) / (n + z2)
    # Rounding must not put the interval past what it estimates, or past 0 and 1.
    low = np.where(successes == 0, 0 * n, np.clip(center - half, 0, 1))
    high = np.where(successes == n, 1.0, np.clip(center + half, 0, 1))
    return low[()], high[()]


def critical_value(confidence: float) -> float:
    """Half the width, in standard errors, of a two-sided normal interval."""
    return float(scipy.special.ndtri((1 + confidence) / 2))


def unpooled_error(
    before: np.ndarray,
    after: np.ndarray,
    rollouts: np.ndarray | int,
    rollouts_after: np.ndarray | int | None = None,
) -> np.ndarray:
    """Standard error of the difference of two shares, before less after.

    Unpooled, with the plug-in variance, as the published rule has it: a prefix that never fails,
    or always, has none.

    Args:
        before: successes of the first share.
        after: successes of the second.
        rollouts: what the first is a share of, and the second where nothing else is said.
        rollouts_after: what the second is a share of; None for as many as the first.
    """
    more = rollouts if rollouts_after is None else rollouts_after
    p, q = before / rollouts, after / more
    equal = np.sqrt((p * (1 - p) + q * (1 - q)) / rollouts)
    if rollouts_after is None:
        return equal
    # One number of rollouts keeps the bits of the published formula, whatever the rows beside it.
    apart = np.sqrt(p * (1 - p) / rollouts + q * (1 - q) / more)
    return np.where(np.equal(rollouts, more), equal, apart)[()]


def difference_interval(
    before: tuple[np.ndarray, np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's interval of the difference of two shares, before less after.

    Each share comes with its own Wilson interval: share, low, high. A share that is known has both
    ends at itself. Counts that all agree do not make the interval one of no width.
    """
    (p, low, high), (q, low_after, high_after) = before, after
    drop = p - q
    return drop - np.hypot(p - low, high_after - q), drop + np.hypot(high - p, q - low_after)


def powers_of_two(rollouts: np.ndarray) -> list[int]:
    """1, 2, 4, .. up to the k of pass@k that all of these can answer; 1 of none."""
    largest = int(rollouts.min()) if len(rollouts) else 1
    return [2**power for power in range(max(1, largest).bit_length())]


def fisher_p(
    before: np.ndarray, after: np.ndarray, rollouts: np.ndarray, rollouts_after: np.ndarray
) -> np.ndarray:
    """Fisher's exact one-sided p of "the second share is not below the first"."""
    # There are far fewer pairs of counts than tokens.
    table = np.column_stack([rollouts, rollouts_after, before, after]).astype(np.int64)
    unique, places = np.unique(table, axis=0, return_inverse=True)
    n, more, before, after = unique.T
    p = scipy.stats.hypergeom.sf(before - 1, n + more, before + after, n)
    return np.clip(p, 0, 1)[places]


def pass_at_k(successes: np.ndarray | int, rollouts: np.ndarray | int, k: int) -> np.ndarray:
    """Chance that k of the rollouts, drawn without replacement, hold at least one success.

    1 - C(n-c, k) / C(n, k), unbiased for k fresh rollouts, correctly rounded.
    """
    successes, rollouts = np.broadcast_arrays(np.asarray(successes), np.asarray(rollouts))
    # Stored counts are 16 bits wide: too narrow to compute with.
    successes, rollouts = successes.astype(np.int64), rollouts.astype(np.int64)
    if k < 1 or (rollouts < k).any():
        found = rollouts.min() if rollouts.size else 0
        raise ValueError(f"pass@{k}: k must be from 1 to the number of rollouts, found {found}")
    if ((successes < 0) | (successes > rollouts)).any():
        raise ValueError("pass@k: successes must be from 0 to the number of rollouts")
    result = np.empty(successes.shape)
    for n in np.unique(rollouts):
        at = rollouts == n
        result[at] = _pass_table(int(n), int(k))[successes[at]]
    return result


@lru_cache
def _pass_table(n: int, k: int) -> np.ndarray:
    """pass@k of 0 to n successes among n rollouts.

    The binomials are whole numbers, and Python divides those with one rounding: the value is the
    nearest double on every processor, which a sum of logarithms is not.
    """
    subsets = failing = math.comb(n, k)
    table = np.zeros(n + 1)
    for c in range(1, n + 1):
        # C(m-1, k) = C(m, k) (m - k) / m, without remainder; 0 once m = k.
        m = n - c + 1
        failing = failing * (m - k) // m if m > k else 0
        table[c] = (subsets - failing) / subsets
    table.setflags(write=False)
    return table


def _times_drawn(clusters: int, repetitions: int, seed: int) -> np.ndarray:
    """How often each resample holds each cluster, [repetitions, clusters]."""
    drawn = np.random.default_rng(seed).integers(clusters, size=(repetitions, clusters))
    drawn += clusters * np.arange(repetitions)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=repetitions * clusters)
    return counts.reshape(repetitions, clusters)


def percentile_interval(resamples: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Central interval of the resampled values, along the first axis.

    A resample in which the value is undefined is left out; NaN where those are more than a tail
    of the interval, or where all resamples agree.
    """
    resamples = np.asarray(resamples, dtype=float)
    tail = (1 - confidence) / 2
    undefined = np.isnan(resamples).mean(axis=0)
    filled = np.where(undefined > tail, 0.0, resamples)
    low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0)
    spread = np.nanmax(filled, axis=0) - np.nanmin(filled, axis=0)
    # Equal rows give equal means up to rounding.
    told = spread > 1e-12 * np.abs(high)
    return np.where(told, low, np.nan), np.where(told, high, np.nan)


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
    clusters: np.ndarray,
    intervals: Intervals,
    limits: tuple[float, float] = ANY,
    counted: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a statistic of column sums, resampling clusters of any size.

    A resample holds as many clusters as the data, each with all of its rows; how many rows that
    makes may vary. The percentile interval is then widened (``_widened``).

    Args:
        statistic: from column sums, float [..., columns], to one or more numbers [..., ...]; NaN
            where it is undefined.
        rows: what is summed, float [rows, columns].
        clusters: a label for each row.
        intervals: how intervals are made.
        limits: where the statistic can lie.
        counted: the rows that say how many clusters there are, where others say little of the
            statistic, bool [rows]; None for all.

    Returns:
        both ends; NaN below ``FEWEST`` clusters.
    """
    rows = np.asarray(rows, dtype=float)
    labels, index = np.unique(np.asarray(clusters), return_inverse=True)
    sizes = np.bincount(index if counted is None else index[counted])
    sums = np.stack([np.bincount(index, column, len(labels)) for column in rows.T], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = statistic(sums.sum(axis=0))
        if np.count_nonzero(sizes) < FEWEST:
            return np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
        drawn = _times_drawn(len(labels), intervals.repetitions, intervals.seed) @ sums
        resamples = statistic(drawn)
    return _widened(estimate, resamples, sizes, intervals.confidence, limits)


def cluster_bootstrap(
    values: np.ndarray,
    clusters: np.ndarray,
    intervals: Intervals,
    weights: np.ndarray | None = None,
    limits: tuple[float, float] = ANY,
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the mean of rows, resampling clusters; NaN below ``FEWEST``.

    Args:
        values: one column, or rows x columns, which share their resamples.
        clusters: a label for each row.
        intervals: how intervals are made.
        weights: the statistic is sum(values) / sum(weights), as cliffs per token; None for a mean.
        limits: where the mean can lie.
    """
    values = np.asarray(values, dtype=float)
    table = values[:, None] if values.ndim == 1 else values
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    ends = bootstrap(
        lambda sums: sums[..., :-1] / sums[..., -1:],
        np.column_stack([table, weights]),
        clusters,
        intervals,
        limits,
    )
    return tuple(end.reshape(values.shape[1:])[()] for end in ends)


def median_interval(
    values: np.ndarray,
    clusters: np.ndarray,
    intervals: Intervals,
    limits: tuple[float, float] = ANY,
) -> tuple[float, float]:
    """Interval of the median of rows, resampling clusters; NaN below ``FEWEST``.

    The arguments are those of ``cluster_bootstrap``.
    """
    values = np.asarray(values, dtype=float)
    labels, index = np.unique(np.asarray(clusters), return_inverse=True)
    if len(labels) < FEWEST:
        return np.nan, np.nan
    order = np.argsort(values, kind="stable")
    times = _times_drawn(len(labels), intervals.repetitions, intervals.seed)[:, index[order]]
    reached = np.cumsum(times, axis=1)
    half = reached[:, -1:] / 2
    # Of an even number of rows the median is the mean of the two in the middle.
    places = (reached < half).sum(axis=1), (reached <= half).sum(axis=1)
    medians = (values[order[places[0]]] + values[order[places[1]]]) / 2
    low, high = _widened(
        np.median(values), medians, np.bincount(index), intervals.confidence, limits
    )
    return float(low), float(high)


def _widened(
    estimate: np.ndarray,
    resamples: np.ndarray,
    sizes: np.ndarray,
    confidence: float,
    limits: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """The percentile interval, as much wider about the estimate as few clusters ask for.

    Resampling m clusters finds (m-1)/m of their variance, and normal quantiles know it without
    error. The factor sqrt(m/(m-1)) t/z makes good both, with Student's t at the effective number
    of clusters, (sum n)^2 / sum n^2, less one.
    """
    low, high = percentile_interval(resamples, confidence)
    sizes = sizes[sizes > 0]
    effective = np.sum(sizes) ** 2 / np.sum(np.square(sizes, dtype=float))
    freedom = max(effective - 1, 1.0)
    t = scipy.special.stdtrit(freedom, (1 + confidence) / 2)
    factor = np.sqrt(len(sizes) / (len(sizes) - 1)) * t / critical_value(confidence)
    ends = estimate - factor * (estimate - low), estimate + factor * (high - estimate)
    return np.clip(ends[0], *limits), np.clip(ends[1], *limits)


def share_interval(
    flags: np.ndarray, clusters: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Wilson interval of a share of rows, at the effective number of rows.

    The number of rows is divided by the design effect, the ratio of the variance between clusters
    to that of independent rows, both unbiased (never below 1; exactly 1 at one row a cluster).
    Where all rows agree the effect is not measurable, and each cluster counts once. Unlike a
    resampled interval it holds its level below ``FEWEST`` clusters too.
    """
    flags = np.asarray(flags, dtype=float)
    if not len(flags):
        return np.nan, np.nan
    labels, index = np.unique(np.asarray(clusters), return_inverse=True)
    share, n = flags.mean(), len(flags)
    if len(labels) < 2 or share in (0, 1):
        effective = len(labels)
    else:
        residuals = np.bincount(index, weights=flags - share)
        between = np.sum(residuals**2) * len(labels) / (len(labels) - 1)
        effect = between / (n * share * (1 - share) * n / (n - 1))
        effective = n / max(1.0, effect)
    low, high = wilson(share * effective, effective, confidence)
    return float(low), float(high)


def sign_flip_p(sums: np.ndarray) -> float:
    """Exact two-sided p that paired differences have no direction.

    ``sums`` holds one whole number for each problem, its differences added up over seeds and
    samples. Under the null hypothesis each is as likely as its negative: p is the share of all
    2^n choices of signs whose total lies at least as far from zero. With differences of -1, 0 and
    1 this is McNemar's exact test. 1 where nothing differs, NaN where nothing was measured.
    """
    sums = np.asarray(sums)
    if not len(sums):
        return np.nan
    if not np.array_equal(sums, np.rint(sums)):
        raise ValueError(f"sign_flip_p: expected whole numbers, found {sums[sums % 1 != 0][0]}")
    sizes = np.abs(sums[sums != 0]).astype(np.int64)
    if not len(sizes):
        return 1.0
    sizes //= np.gcd.reduce(sizes)
    observed = int(np.sum(sizes * np.sign(sums[sums != 0])))
    # Chances of the sum of those that count as positive, one problem after the other.
    chances = np.zeros(sizes.sum() + 1)
    chances[0], reached = 1.0, 0
    for size in sizes:
        reached += size
        chances[size : reached + 1] = (
            chances[size : reached + 1] + chances[: reached + 1 - size]
        ) / 2
        chances[:size] /= 2
    total = 2 * np.arange(len(chances)) - reached
    return float(min(1.0, chances[np.abs(total) >= abs(observed)].sum()))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjustment for as many comparisons as there are p; NaN are none and stay."""
    p = np.asarray(p, dtype=float)
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    adjusted = p.copy()
    adjusted[order] = np.minimum(
        1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    )
    return adjusted


def density(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Gaussian kernel density with Scott's bandwidth; NaN below two distinct values."""
    values, at = np.asarray(values, dtype=float), np.asarray(at, dtype=float)
    if len(np.unique(values)) < 2:
        return np.full(at.shape, np.nan)
    return scipy.stats.gaussian_kde(values, bw_method="scott")(at)


def subsample(values: np.ndarray, size: int, seed: int) -> np.ndarray:
    """At most ``size`` of the values, drawn without replacement, in their order."""
    values = np.asarray(values)
    if len(values) <= size:
        return values
    kept = np.random.default_rng(seed).choice(len(values), size, replace=False)
    return values[np.sort(kept)]
