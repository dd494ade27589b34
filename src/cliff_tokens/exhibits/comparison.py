"""Tuned models against base: paired differences, their intervals and how many were looked at.

Base and variants share problems, samples and random numbers, so every answer has a partner. The
unit is the problem: differences are summed over the samples and training seeds of a problem
first, then problems are resampled (intervals) or change sign (exact p). That says how far another
set of such problems could differ, for these trainings; how far another training could differ is
the standard deviation between seeds, which stands beside it. p is adjusted (Holm) for all
differences of the same table.

A variant that had no pairs was not trained: its rows have n = 0 and no rates.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits import cost
from cliff_tokens.exhibits.summaries import POOLED, mean_columns, owners_of, share_columns
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.evaluation import BASE, GREEDY, SAMPLED
from cliff_tokens.statistics import Intervals

IN_DOMAIN, OUT_OF_DOMAIN = "in domain", "out of domain"
_PAIR = ["seed", "dataset", "problem_id", "sample"]


def accuracy(
    evaluation: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    domains: Mapping[str, str],
) -> pd.DataFrame:
    """Accuracy of base and of every variant, and the paired difference.

    ``domains`` maps each data set to IN_DOMAIN or OUT_OF_DOMAIN; a domain of several data sets has
    rows of its own, for greedy decoding, in which every problem counts the same. Columns: ``n``
    problems, ``seeds``, ``answers`` (over seeds and samples), ``truncated``, ``accuracy`` and
    ``gain`` with intervals, ``seed_sd`` (standard deviation of the gain between seeds), ``won`` and
    ``lost`` (answers right only after and only before training), ``p`` and ``p_holm``.
    """
    evaluation = evaluation.assign(correct=evaluation["verdict"].eq("correct").astype("int64"))
    rows = []
    for model in models:
        own = evaluation[evaluation["model"].eq(model)]
        for decoding in (GREEDY, SAMPLED):
            decoded = own[own["decoding"].eq(decoding)]
            for label, members in _groups(decoded, domains).items():
                inside = decoded[decoded["dataset"].isin(members)]
                key = {
                    "model": model,
                    "dataset": label,
                    "domain": domains.get(label, label),
                    "decoding": decoding,
                }
                for variant in [BASE, *variants]:
                    pairs = _pairs(inside, variant, ["correct"])
                    truncated = inside.loc[inside["variant"].eq(variant), "finish"].eq("length")
                    row = key | {"variant": variant, **_size(pairs, "answers")}
                    row["truncated"] = int(truncated.sum())
                    row |= share_columns("accuracy", pairs["correct"], _problems(pairs), intervals)
                    row |= _gain("gain", pairs, "correct", intervals, variant)
                    if variant != BASE:
                        change = pairs["correct"] - pairs["correct_base"]
                        row |= {"won": int((change > 0).sum()), "lost": int((change < 0).sum())}
                    rows.append(row)
    frame = pd.DataFrame(rows)
    return _adjusted(frame, ["won", "lost"])


def by_seed(
    evaluation: pd.DataFrame, models: Sequence[str], variants: Sequence[str]
) -> pd.DataFrame:
    """The gain of every training seed: model, variant, dataset, decoding, seed, gain."""
    evaluation = evaluation.assign(correct=evaluation["verdict"].eq("correct").astype("int64"))
    keys = ["model", "variant", "dataset", "decoding", "seed"]
    shares = evaluation.groupby(keys, as_index=False)["correct"].mean()
    base = shares[shares["variant"].eq(BASE)].drop(columns="variant")
    other = ["model", "dataset", "decoding", "seed"]
    both = shares.merge(base, on=other, suffixes=("", "_base"), validate="m:1")
    both["gain"] = both["correct"] - both["correct_base"]
    chosen = both["model"].isin(models) & both["variant"].isin(variants)
    return both.loc[chosen, [*keys, "gain"]].reset_index(drop=True)


def cliffs(
    recounts: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Cliffs per trace and per 1000 tokens of base and of every variant, and their change.

    A row for every data set and, where there are several, for all of them. Columns: ``n``
    problems, ``seeds``, ``traces``, ``cliffs`` and each kind's number, ``tokens``,
    ``accuracy``, ``per_trace`` and ``per_1000_tokens`` with intervals, ``change`` (of cliffs per
    trace) and ``change_per_1000_tokens`` against base with intervals, ``seed_sd`` (of ``change``
    between seeds), ``p`` and ``p_holm`` (of ``change``).
    """
    recounts = recounts.assign(correct=recounts["verdict"].eq("correct").astype("int64"))
    counted = ["cliffs", *taxonomy.KINDS, "tokens", "correct"]
    groups = {name: [name] for name in datasets}
    if len(datasets) > 1:
        groups[POOLED] = list(datasets)
    rows = []
    for model in models:
        own = recounts[recounts["model"].eq(model)]
        for label, members in groups.items():
            inside = own[own["dataset"].isin(members)]
            for variant in [BASE, *variants]:
                pairs = _pairs(inside, variant, counted)
                clusters, tokens = _problems(pairs), pairs["tokens"]
                row = {"model": model, "dataset": label, "variant": variant}
                row |= _size(pairs, "traces")
                row |= {name: int(pairs[name].sum()) for name in counted[:-1]}
                row |= share_columns("accuracy", pairs["correct"], clusters, intervals)
                row |= mean_columns("per_trace", pairs["cliffs"], clusters, intervals)
                row |= mean_columns(
                    "per_1000_tokens", 1000 * pairs["cliffs"], clusters, intervals, tokens
                )
                row |= _gain("change", pairs, "cliffs", intervals, variant)
                row |= _rate_change("change_per_1000_tokens", pairs, intervals, variant)
                rows.append(row)
    return _adjusted(pd.DataFrame(rows))


def costs(
    trained: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    estimator: str,
    counts: Mapping[str, pd.DataFrame],
    candidates: Mapping[str, pd.DataFrame],
    rollouts: int,
    models: Sequence[str],
    variants: Mapping[str, str | None],
) -> pd.DataFrame:
    """What training each variant took, beside what it took to find the cliffs it is trained on.

    ``trained`` has model, variant, seed, pairs, loss_positions, steps, seconds, peak_memory_bytes.
    ``traces`` and ``tokens`` are those of the training set, ``counts`` the rollouts that
    ``estimator`` drew on them, and ``candidates`` those at their cliffs, by catalogue.
    ``variants`` maps each to its catalogue, None where it needs no cliffs. Rollouts of an estimator
    that was not run are predicted (``cost.predict``), as its ``source`` says; candidates count the
    rollouts that no other table had. Pairs, positions and detection are those of one adapter;
    seconds are the mean over seeds, memory the most.
    """
    keep = Intervals(confidence=0.95, repetitions=1, seed=0)  # the intervals are not shown
    predicted = cost.predict(traces, tokens, rollouts, None, keep, models)
    ran = "independent" if estimator == "independent" else "recursive"  # adaptive is recursive too
    drawn = pd.concat(counts.values(), ignore_index=True)
    compared = cost.compare(predicted[predicted["dataset"].eq(POOLED)], {ran: drawn})
    spent = {(row.model, row.estimator): row for row in compared.itertuples()}
    rows = []
    for model in models:
        for variant, catalogue in variants.items():
            own = trained[trained["model"].eq(model) & trained["variant"].eq(variant)]
            row = {
                "model": model,
                "variant": variant,
                "seeds": len(own),
                "pairs": int(own["pairs"].max()),
                "loss_positions": int(own["loss_positions"].max()),
                "steps": int(own["steps"].max()),
                "seconds": float(own["seconds"].mean()),
                "memory_mb": float(own["peak_memory_bytes"].max() / 1e6),
            }
            for name in cost.ESTIMATORS:
                found = spent[model, name]
                # A model whose traces left no choice has no rows: none were drawn.
                used = [found.used_rollouts, found.used_generated_tokens]
                values = (
                    (*(0 if pd.isna(value) else int(value) for value in used), "counted")
                    if name == ran
                    else (found.rollouts, found.generated_tokens, "predicted")
                )
                for column, value in zip(("rollouts", "tokens", "source"), values, strict=True):
                    nothing = "not needed" if column == "source" else 0
                    row[f"{name}_{column}"] = nothing if catalogue is None else value
            fresh = 0
            if catalogue is not None:
                followed = candidates[catalogue]
                (owners,) = owners_of(followed.assign(trace_id=followed["cliff_id"]))
                followed = followed[owners["model"].eq(model).to_numpy()]
                fresh = int((followed["rollouts"].astype(int) - followed["reused"]).sum())
            rows.append(row | {"candidate_rollouts": fresh})
    return pd.DataFrame(rows)


def _groups(decoded: pd.DataFrame, domains: Mapping[str, str]) -> dict[str, list[str]]:
    """The data sets that were decoded so, one by one, and the domains that hold several."""
    asked = [name for name in domains if decoded["dataset"].eq(name).any()]
    groups = {name: [name] for name in asked}
    for domain in (IN_DOMAIN, OUT_OF_DOMAIN):
        members = [name for name in asked if domains[name] == domain]
        # Sampled answers differ in number from one data set to the next.
        if len(members) > 1 and decoded["decoding"].eq(GREEDY).all():
            groups[domain] = members
    return groups


def _pairs(frame: pd.DataFrame, variant: str, columns: list[str]) -> pd.DataFrame:
    """Rows of a variant beside base's for the same seed, problem and sample.

    Empty where the variant has no rows. A row without a partner is an error.
    """
    base = frame.loc[frame["variant"].eq(BASE), [*_PAIR, *columns]]
    own = frame.loc[frame["variant"].eq(variant), [*_PAIR, *columns]]
    base = base[base["seed"].isin(own["seed"])]
    pairs = own.merge(base, on=_PAIR, how="outer", suffixes=("", "_base"), indicator=True)
    alone = pairs[pairs["_merge"] != "both"]
    if len(alone):
        found = alone.iloc[0]
        raise ValueError(
            f"{found['dataset']}/{found['problem_id']}, sample {found['sample']}, seed "
            f"{found['seed']}: expected an answer of {variant} and one of base, found only "
            f"{'the first' if found['_merge'] == 'left_only' else 'the second'}; evaluate again"
        )
    sizes = pairs.groupby(["dataset", "problem_id"]).size()
    if sizes.nunique() > 1:
        few, many = sizes.idxmin(), sizes.idxmax()
        raise ValueError(
            f"{'/'.join(few)}: answered {sizes[few]} times by {variant}, but {'/'.join(many)} "
            f"{sizes[many]} times; expected as many answers to every problem"
        )
    return pairs.drop(columns="_merge").sort_values(_PAIR, ignore_index=True)


def _problems(pairs: pd.DataFrame) -> pd.Series:
    return pairs["dataset"] + "/" + pairs["problem_id"]


def _size(pairs: pd.DataFrame, unit: str) -> dict:
    return {
        "n": _problems(pairs).nunique(),
        "seeds": pairs["seed"].nunique(),
        unit: len(pairs),
    }


def _gain(name: str, pairs: pd.DataFrame, column: str, intervals: Intervals, variant: str) -> dict:
    """The paired difference, its spread between seeds, and its exact p; none for base."""
    if variant == BASE or pairs.empty:
        return {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan} | {
            "seed_sd": np.nan,
            "p": np.nan,
        }
    change = pairs[column] - pairs[f"{column}_base"]
    clusters = _problems(pairs)
    return {
        **mean_columns(name, change, clusters, intervals),
        "seed_sd": float(change.groupby(pairs["seed"]).mean().std()),
        "p": statistics.sign_flip_p(change.groupby(clusters).sum().to_numpy()),
    }


def _rate_change(name: str, pairs: pd.DataFrame, intervals: Intervals, variant: str) -> dict:
    """Difference of cliffs per 1000 tokens; both sides come from the same resampled problems."""
    missing = {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
    if variant == BASE or pairs.empty:
        return missing
    rows = pairs[["cliffs", "tokens", "cliffs_base", "tokens_base"]].to_numpy(dtype=float)

    def change(sums: np.ndarray) -> np.ndarray:
        return 1000 * (sums[..., 0] / sums[..., 1] - sums[..., 2] / sums[..., 3])

    missing[name] = float(change(rows.sum(axis=0)))
    clusters = _problems(pairs)
    if clusters.nunique() < 2:
        return missing
    sums = statistics.resampled_sums(rows, clusters, intervals.repetitions, intervals.seed)
    low, high = statistics.percentile_interval(change(sums), intervals.confidence)
    return missing | {f"{name}_low": float(low), f"{name}_high": float(high)}


def _adjusted(frame: pd.DataFrame, counts: Sequence[str] = ()) -> pd.DataFrame:
    frame["p_holm"] = statistics.holm(frame["p"].to_numpy())
    for name in counts:
        frame[name] = frame[name].astype("Int64")
    return frame
