"""Tuned models against base: paired differences, their intervals and how many were looked at.

Base and variants share problems, samples and random numbers, so every answer has a partner. The
unit is the problem: differences are summed over the samples and training seeds of a problem
first, then problems are resampled (intervals) or change sign (exact p). That says how far another
set of such problems could differ, for these trainings; how far another training could differ is
the standard deviation between seeds, which stands beside it. p is adjusted (Holm) for all
differences of the same table. A variant whose adapter is that of an earlier one (``same_as``: two
names of the same pairs) is no further comparison.

A variant that had no pairs was not trained: its rows have n = 0 and no rates.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits.cells import mean_columns, problems_of, share_columns
from cliff_tokens.stages.evaluation import BASE, GREEDY, SAMPLED
from cliff_tokens.statistics import Intervals

IN_DOMAIN, OUT_OF_DOMAIN = "in domain", "out of domain"
_POWER = 0.8416  # standard normal quantile of .8, the usual chance of finding what is there
_PAIR = ["seed", "dataset", "problem_id", "sample"]


def accuracy_gains(
    evaluation: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    domains: Mapping[str, str],
) -> pd.DataFrame:
    """Accuracy of base and of every variant, and the paired difference.

    A domain of several data sets has rows of its own, for greedy decoding, in which every problem
    counts the same. Columns: ``n`` problems, ``seeds``, ``answers`` (over seeds and samples),
    ``truncated``, ``accuracy`` and ``gain`` with intervals, ``seed_sd`` (standard deviation of the
    gain between seeds), ``detectable`` (the gain that is found with a chance of .8), ``won`` and
    ``lost`` (answers right only after and only before training), ``p``, ``same_as`` and ``p_holm``.

    Args:
        evaluation: rows of the table.
        adapters: what was trained: model, variant, seed and ``weights``, a hash.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        variants: likewise, after base.
        domains: IN_DOMAIN or OUT_OF_DOMAIN of each data set.
    """
    evaluation = evaluation.assign(correct=evaluation["verdict"].eq("correct").astype("int64"))
    rows = []
    for model in models:
        for decoding in (GREEDY, SAMPLED):
            decoded = evaluation[
                evaluation["model"].eq(model) & evaluation["decoding"].eq(decoding)
            ]
            for dataset, members in _groups(decoded, domains).items():
                answers = decoded[decoded["dataset"].isin(members)]
                labels = {
                    "model": model,
                    "dataset": dataset,
                    "domain": domains.get(dataset, dataset),
                    "decoding": decoding,
                }
                for variant in [BASE, *variants]:
                    pairs = pair_with_base(answers, variant, ["correct"])
                    finish = answers.loc[answers["variant"].eq(variant), "finish"]
                    row = labels | {"variant": variant, **size_columns(pairs, "answers")}
                    row["truncated"] = int(finish.eq("length").sum())
                    row |= share_columns(
                        "accuracy", pairs["correct"], problems_of(pairs), intervals
                    )
                    row |= gain_columns("gain", pairs, "correct", intervals, variant)
                    if variant != BASE:
                        change = pairs["correct"] - pairs["correct_base"]
                        row |= {"won": int((change > 0).sum()), "lost": int((change < 0).sum())}
                    rows.append(row)
    return adjust(pd.DataFrame(rows), adapters).astype({"won": "Int64", "lost": "Int64"})


def gains_by_seed(
    evaluation: pd.DataFrame, models: Sequence[str], variants: Sequence[str]
) -> pd.DataFrame:
    """The gain of every training seed: model, variant, dataset, decoding, seed, gain."""
    evaluation = evaluation.assign(correct=evaluation["verdict"].eq("correct").astype("int64"))
    keys = ["model", "variant", "dataset", "decoding", "seed"]
    shares = evaluation.groupby(keys, as_index=False)["correct"].mean()
    base = shares[shares["variant"].eq(BASE)].drop(columns="variant")
    other = ["model", "dataset", "decoding", "seed"]
    gains = shares.merge(base, on=other, suffixes=("", "_base"), validate="m:1")
    gains["gain"] = gains["correct"] - gains["correct_base"]
    chosen = gains["model"].isin(models) & gains["variant"].isin(variants)
    return gains.loc[chosen, [*keys, "gain"]].reset_index(drop=True)


def pair_with_base(frame: pd.DataFrame, variant: str, columns: list[str]) -> pd.DataFrame:
    """Rows of a variant beside base's for the same seed, problem and sample.

    Empty where the variant has no rows. A row without a partner is an error.
    """
    base = frame.loc[frame["variant"].eq(BASE), [*_PAIR, *columns]]
    tuned = frame.loc[frame["variant"].eq(variant), [*_PAIR, *columns]]
    base = base[base["seed"].isin(tuned["seed"])]
    pairs = tuned.merge(base, on=_PAIR, how="outer", suffixes=("", "_base"), indicator=True)
    alone = pairs[pairs["_merge"] != "both"]
    if len(alone):
        first = alone.iloc[0]
        raise ValueError(
            f"{first['dataset']}/{first['problem_id']}, sample {first['sample']}, seed "
            f"{first['seed']}: expected an answer of {variant} and one of base, found only "
            f"{'the first' if first['_merge'] == 'left_only' else 'the second'}; evaluate again"
        )
    sizes = pairs.groupby(["dataset", "problem_id"]).size()
    if sizes.nunique() > 1:
        few, many = sizes.idxmin(), sizes.idxmax()
        raise ValueError(
            f"{'/'.join(few)}: answered {sizes[few]} times by {variant}, but {'/'.join(many)} "
            f"{sizes[many]} times; expected as many answers to every problem"
        )
    return pairs.drop(columns="_merge").sort_values(_PAIR, ignore_index=True)


def size_columns(pairs: pd.DataFrame, unit: str) -> dict:
    """How many problems, training seeds and pairs there are; ``unit`` names the last."""
    return {
        "n": problems_of(pairs).nunique(),
        "seeds": pairs["seed"].nunique(),
        unit: len(pairs),
    }


def gain_columns(
    name: str, pairs: pd.DataFrame, column: str, intervals: Intervals, variant: str
) -> dict:
    """The mean paired difference, its spread between seeds, and its exact p; none for base.

    Args:
        name: column of the difference.
        pairs: rows of ``pair_with_base``.
        column: what is compared; base's is ``{column}_base``.
        intervals: how intervals are made.
        variant: whose rows these are.
    """
    if variant == BASE or pairs.empty:
        columns = (name, f"{name}_low", f"{name}_high", "detectable", "seed_sd", "p")
        return dict.fromkeys(columns, np.nan)
    change = pairs[column] - pairs[f"{column}_base"]
    clusters = problems_of(pairs)
    mean = mean_columns(name, change, clusters, intervals)
    z = statistics.critical_value(intervals.confidence)
    error = (mean[f"{name}_high"] - mean[f"{name}_low"]) / (2 * z)
    return {
        **mean,
        "detectable": (z + _POWER) * error,
        "seed_sd": float(change.groupby(pairs["seed"]).mean().std()),
        "p": statistics.sign_flip_p(change.groupby(clusters).sum().to_numpy()),
    }


def adjust(frame: pd.DataFrame, adapters: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with ``same_as`` and ``p_holm``: p adjusted for all its differences.

    ``same_as`` is the first variant with the same adapters, null for that one and for base.
    """
    learned = adapters.sort_values("seed").groupby(["model", "variant"])["weights"].agg(tuple)
    first, names = {}, []
    for model, variant in zip(frame["model"], frame["variant"], strict=True):
        weights = learned.get((model, variant), variant)
        names.append(first.setdefault((model, weights), variant))
    own = frame["variant"].eq(names)
    adjusted = pd.Series(statistics.holm(frame["p"].where(own).to_numpy()), frame.index)
    labels = [name for name in ("model", "dataset", "decoding") if name in frame]
    shared = adjusted.groupby([*(frame[name] for name in labels), names]).transform("first")
    same_as = pd.Series(names, frame.index, dtype=object).mask(own)
    return frame.assign(same_as=same_as, p_holm=shared)


def gain_limits(low: float, high: float) -> tuple[float, float]:
    """Limits of an axis of gains, in percentage points, that has at least one on either side of 0.

    An axis that closely fits gains of almost nothing would make them look like something.
    """
    return min(low, -1.0), max(high, 1.0)


def _groups(decoded: pd.DataFrame, domains: Mapping[str, str]) -> dict[str, list[str]]:
    """The data sets that were decoded so, one by one, and the domains that hold several."""
    answered = [name for name in domains if decoded["dataset"].eq(name).any()]
    groups = {name: [name] for name in answered}
    for domain in (IN_DOMAIN, OUT_OF_DOMAIN):
        members = [name for name in answered if domains[name] == domain]
        # Sampled answers differ in number from one data set to the next.
        if len(members) > 1 and decoded["decoding"].eq(GREEDY).all():
            groups[domain] = members
    return groups
