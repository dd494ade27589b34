"""Estimators and catalogues against a reference: the same traces, many times the rollouts.

The reference is an estimate by recursion with N in the thousands (docs/estimators.md), drawn
apart from all others, whose own error is stored with it. A drop is called true if the reference
puts it above the margin; drops that lie so near the margin that the reference cannot tell are
counted as undecided.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits.summaries import (
    POOLED,
    mean_columns,
    names_or_all,
    owners_of,
    share_columns,
)
from cliff_tokens.stages import taxonomy
from cliff_tokens.statistics import Intervals

AUDITED = "audited"
INDEPENDENT = "independent"
_KEY = ["trace_id", "t"]


def estimators(
    estimates: Mapping[str, pd.DataFrame],
    cliffs: Mapping[str, pd.DataFrame],
    counts: Mapping[str, pd.DataFrame],
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    margin: float,
    certain: float,
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What every estimator costs, how near it comes, and how good its catalogue is.

    Rows of ``errors`` joined to those of ``catalogues`` for all kinds together.
    """
    models = names_or_all(models, owners_of(tokens)[0]["model"])
    found = catalogues(cliffs, reference, tokens, margin, certain, intervals, models)
    found = found[found["kind"] == POOLED].drop(columns=["kind", "n"])
    met = errors(estimates, counts, reference, intervals, models)
    return met.merge(found, on=["model", "estimator"], validate="1:1")


def errors(
    estimates: Mapping[str, pd.DataFrame],
    counts: Mapping[str, pd.DataFrame],
    reference: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Cost and root mean square error of every estimator, per model and pooled.

    ``counts`` holds what each estimator is made of, rows of ``potential`` or of the ``branches``
    of all its rounds; ``cost`` is its generated tokens over those of ``independent``, and
    ``cost_at_equal_error`` the same had both spent what gives one error (which falls as one over
    the root of what is spent).
    """
    parts = {}
    for name, frame in estimates.items():
        part = square_errors(frame, reference)
        if not len(part) == len(reference) == len(frame):
            raise ValueError(f"{name}: estimates and reference are not of the same tokens")
        owners, drawn = owners_of(part, counts[name])
        spent = counts[name][["rollouts", "generated_tokens"]].groupby(drawn["model"].to_numpy())
        parts[name] = pd.concat([part, owners], axis=1), spent.sum()
    models = names_or_all(models, owners_of(reference)[0]["model"])
    rows = []
    for model in [*models, POOLED]:
        chosen = models if model == POOLED else [model]
        for name, (part, spent) in parts.items():
            cell, sums = part[part["model"].isin(chosen)], spent.reindex(chosen).sum()
            square = mean_columns("rmse", cell["error"], cell["cluster"], intervals)
            rows.append(
                {
                    "model": model,
                    "estimator": name,
                    "n": len(cell),
                    "rollouts": int(sums["rollouts"]),
                    "generated_tokens": int(sums["generated_tokens"]),
                    **{end: float(np.sqrt(max(value, 0))) for end, value in square.items()},
                }
            )
    found = pd.DataFrame(rows)
    base = found[found["estimator"] == INDEPENDENT].set_index("model")
    found["cost"] = found["generated_tokens"] / found["model"].map(base["generated_tokens"])
    excess = found["rmse"] / found["model"].map(base["rmse"])
    found["cost_at_equal_error"] = found["cost"] * excess**2
    return found


def catalogues(
    cliffs: Mapping[str, pd.DataFrame],
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    margin: float,
    certain: float,
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Precision and recall of every catalogue of cliffs, per model and kind and pooled."""
    known = truths(reference, tokens, margin, certain, intervals.confidence)
    models = names_or_all(models, known["model"])
    flagged = {name: _among(known, found) for name, found in cliffs.items()}
    rows = []
    for model in [*models, POOLED]:
        for name, flags in flagged.items():
            for kind in [*taxonomy.KINDS, POOLED]:
                inside = known["model"].isin(models if model == POOLED else [model])
                inside &= (kind == POOLED) | (known["kind"] == kind)
                cell = known[inside].assign(flagged=flags[inside.to_numpy()])
                key = {"model": model, "estimator": name, "kind": kind, "n": len(cell)}
                rows.append(key | _scores(cell, intervals))
    return pd.DataFrame(rows)


def audited(cliffs: pd.DataFrame, audit: pd.DataFrame) -> pd.DataFrame:
    """The cliffs that are possible and that fresh rollouts confirm."""
    kept = audit.loc[audit["possible"] & audit["confirmed"], "cliff_id"]
    return cliffs[cliffs["cliff_id"].isin(kept)]


def truths(
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    margin: float,
    certain: float,
    confidence: float,
) -> pd.DataFrame:
    """Every token's true drop: trace_id, t, model, cluster, kind, drop, true, undecided."""
    known = reference.merge(tokens, on=_KEY, how="left", validate="1:1")
    if known["entropy"].isna().any():
        first = known[known["entropy"].isna()].iloc[0]
        raise ValueError(f"{first.trace_id}: token {first.t} of the reference has no score")
    drop = known["before"] - known["after"]
    unsure = statistics.critical_value(confidence) * known["drop_se"]
    (owners,) = owners_of(known)
    return known[_KEY].assign(
        model=owners["model"],
        cluster=owners["cluster"],
        kind=taxonomy.kinds(known["entropy"], known["rank"], certain),
        drop=drop,
        true=drop > margin,
        undecided=(drop - margin).abs() < unsure,
    )


def square_errors(estimates: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Squared distance of the potential before every token from the reference's, column ``error``.

    The reference's own variance is taken off, so that its noise is not charged to the estimator;
    single errors can therefore be negative, their mean is unbiased.
    """
    known = reference.set_index(_KEY)[["before", "before_se"]].add_prefix("known_")
    both = estimates[[*_KEY, "before"]].merge(known.reset_index(), on=_KEY, validate="1:1")
    square = (both["before"] - both["known_before"]) ** 2
    return both[_KEY].assign(error=square - both["known_before_se"] ** 2)


def _among(known: pd.DataFrame, cliffs: pd.DataFrame) -> np.ndarray:
    return pd.MultiIndex.from_frame(known[_KEY]).isin(pd.MultiIndex.from_frame(cliffs[_KEY]))


def _scores(cell: pd.DataFrame, intervals: Intervals) -> dict:
    flags, true = cell[cell["flagged"]], cell[cell["true"]]
    return {
        "flags": len(flags),
        "true_flags": int(flags["true"].sum()),
        **share_columns("precision", flags["true"], flags["cluster"], intervals),
        "true_drops": len(true),
        "undecided": int(cell["undecided"].sum()),
        **share_columns("recall", true["flagged"], true["cluster"], intervals),
    }
