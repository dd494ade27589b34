"""Forced runs: where the sampler has no choice, successive prefixes have one potential.

At q_t = 1 the prefixes t-1 and t have equal potentials (docs/estimators.md). A *forced run* is a
longest row of measured prefixes with nothing but such tokens between them: L prefixes, whose
counts are L draws from one binomial if the rollouts are independent of each other. That is first a
test, of what the published rule assumes of rollouts. Then it is an estimate: all counts of a run
are of one potential, and their share has 1/L of the variance. And it is a second look at a cliff:
the counts next to it selected it, the others of both runs did not.

The test compares Pearson's statistic X^2 = sum (k_i - n_i p)^2 / (n_i p (1 - p)) with its law given
all successes of the run, which does not depend on the potential: mean and variance are exact, a
gamma law with both gives p. Rollouts of one prefix that resemble each other raise X^2, and p is of
that; rollouts of successive prefixes that resemble each other lower it, and few small p show that.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cliff_tokens.tables import PLACE, require


def number_runs(potential: pd.DataFrame, tokens: pd.DataFrame) -> pd.DataFrame:
    """The measured prefixes with the number of their run, column ``run``, sorted by place.

    Args:
        potential: trace_id, t, successes and rollouts of prefixes; null successes are left out.
        tokens: trace_id, t and sampler_probability of every token between two of them.
    """
    known = potential.dropna(subset=["successes"]).astype({"successes": "int64"})
    rows = known.merge(tokens[[*PLACE, "sampler_probability"]], on=PLACE, how="left")
    rows = rows.sort_values(PLACE, ignore_index=True)
    follows = rows["trace_id"].eq(rows["trace_id"].shift(1)) & rows["t"].eq(rows["t"].shift(1) + 1)
    scored = rows["sampler_probability"].notna() | ~follows
    require(rows, scored, "{trace_id}: no score of token {t}; score the traces again")
    forced = follows & rows["sampler_probability"].eq(1)
    return rows.drop(columns="sampler_probability").assign(run=(~forced).cumsum())


def pool(potential: pd.DataFrame, tokens: pd.DataFrame) -> pd.DataFrame:
    """The measured prefixes with the counts of their whole run: trace_id, t, successes, rollouts.

    The arguments are those of ``number_runs``. Inside a run nothing falls; between two runs the
    drop is that of two potentials, each measured by all rollouts of its run.
    """
    rows = number_runs(potential, tokens)
    sums = rows.groupby("run")[["successes", "rollouts"]].transform("sum")
    return rows[PLACE].assign(successes=sums["successes"], rollouts=sums["rollouts"])


def rest_of_runs(
    cliffs: pd.DataFrame, potential: pd.DataFrame, tokens: pd.DataFrame
) -> pd.DataFrame:
    """The cliffs with what is left of the runs before and after them: counts that did not select.

    Adds successes and rollouts, ``..._before`` and ``..._after``, of the runs of prefixes t-1 and t
    without these two; 0 rollouts where nothing is left. At q_t = 1 both are the same counts.
    """
    rows = number_runs(potential, tokens).set_index(PLACE)
    sums = rows.groupby("run")[["successes", "rollouts"]].sum()
    before, after = (
        rows.reindex(pd.MultiIndex.from_arrays([cliffs["trace_id"], cliffs["t"] - back]))
        for back in (1, 0)
    )
    measured = before["run"].notna().to_numpy() & after["run"].notna().to_numpy()
    require(cliffs, measured, "{trace_id}: has a cliff at {t} but no counts there")
    same = before["run"].to_numpy() == after["run"].to_numpy()
    rests = cliffs.reset_index(drop=True)
    for side, own, other in (("before", before, after), ("after", after, before)):
        for name in ("successes", "rollouts"):
            left = sums.loc[own["run"], name].to_numpy() - own[name].to_numpy()
            rests[f"{name}_{side}"] = (left - np.where(same, other[name], 0)).astype("int64")
    return rests


def compare_counts(
    potential: pd.DataFrame, tokens: pd.DataFrame, traces: pd.DataFrame
) -> pd.DataFrame:
    """Every run, of one prefix or more, and how equal its counts are: ``forced_runs`` rows.

    The statistic is null where there is nothing to compare: one prefix, or rollouts that all agree.
    ``traces`` say whose the traces are.
    """
    rows = number_runs(potential, tokens)
    n = rows["rollouts"].to_numpy(dtype=float)
    k = rows["successes"].to_numpy(dtype=float)
    weighted = {"square": k**2 / n}
    # Sums over a run of n_i (n_i - 1) ... (n_i - r + 1) / n_i, and of their products.
    falling = [n - n, n, n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)]
    weighted |= {f"a{r}": falling[r] / n for r in (1, 2)}
    weighted |= {f"b{r}": falling[r] / n**2 for r in (1, 2, 3, 4)}
    weighted |= {f"c{r}{s}": falling[r] * falling[s] / n**2 for r, s in ((1, 1), (2, 1), (2, 2))}
    runs = rows.assign(**weighted, prefixes=1).groupby("run")
    sums = runs[["successes", "rollouts", "prefixes", *weighted]].sum()
    first = runs[["trace_id", "t"]].first().rename(columns={"t": "first"})
    owners = traces[["trace_id", "model", "dataset", "problem_id"]]
    found = first.join(sums).merge(owners, on="trace_id", how="left", validate="m:1")
    require(found, found["model"].notna(), "{trace_id}: has counts but is not among the traces")
    return _tested(found)[
        [
            "trace_id", "model", "dataset", "problem_id", "first", "prefixes", "total_successes",
            "total_rollouts", "chi2", "chi2_mean", "chi2_variance", "p",
        ]
    ]  # fmt: skip


def dispersion(runs: pd.DataFrame) -> tuple[float, float]:
    """X^2 of all runs over its mean, and the two-sided p of both being equal; NaN if none is told.

    1 where rollouts are independent, above 1 where those of a prefix resemble each other, below
    where those of successive prefixes do.
    """
    told = runs.dropna(subset=["chi2"])
    if told.empty:
        return np.nan, np.nan
    excess = told["chi2"].sum() - told["chi2_mean"].sum()
    z = excess / np.sqrt(told["chi2_variance"].sum())
    return float(told["chi2"].sum() / told["chi2_mean"].sum()), float(2 * stats.norm.sf(abs(z)))


def _tested(found: pd.DataFrame) -> pd.DataFrame:
    """Runs with X^2, its exact mean and variance given their successes, and p."""
    found = found.rename(columns={"successes": "total_successes", "rollouts": "total_rollouts"})
    total, size = (
        found[name].to_numpy(dtype=float) for name in ("total_successes", "total_rollouts")
    )
    told = (found["prefixes"].to_numpy() > 1) & (total > 0) & (total < size)
    total, size = np.where(told, total, 1.0), np.where(told, size, 4.0)
    f1, f2, f3, f4 = np.cumprod([(total - r) / (size - r) for r in range(4)], axis=0)
    a1, a2, b1, b2, b3, b4, c11, c21, c22 = (
        found[name].to_numpy() for name in ("a1", "a2", "b1", "b2", "b3", "b4", "c11", "c21", "c22")
    )
    # Of S = sum k_i^2 / n_i, by the factorial moments of the multivariate hypergeometric law.
    mean = a2 * f2 + a1 * f1
    square = b4 * f4 + 6 * b3 * f3 + 7 * b2 * f2 + b1 * f1
    square += (a2**2 - c22) * f4 + 2 * (a2 * a1 - c21) * f3 + (a1**2 - c11) * f2
    share = total / size
    scale = share * (1 - share)
    chi2 = (found["square"].to_numpy() - total * share) / scale
    chi2_mean = (mean - total * share) / scale
    variance = np.maximum(square - mean**2, 0) / scale**2
    with np.errstate(divide="ignore", invalid="ignore"):
        law = stats.gamma(chi2_mean**2 / variance, scale=variance / chi2_mean)
        p = law.sf(chi2)
    columns = {"chi2": chi2, "chi2_mean": chi2_mean, "chi2_variance": variance, "p": p}
    return found.assign(**{name: np.where(told, value, np.nan) for name, value in columns.items()})
