"""Drops and catalogues of cliffs against a reference: the same traces, many times the rollouts.

The reference is an estimate by recursion with N in the thousands (docs/estimators.md), drawn
apart from all others, whose own error is stored with it. A drop is called true if the reference
puts it above the margin; drops that lie so near the margin that the reference cannot tell are
undecided. Precision and recall therefore have two bounds: what they are if every undecided drop
were what speaks most against the catalogue, and if it were what speaks most for it.
"""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits.cells import cells, owned, share_columns
from cliff_tokens.exhibits.estimator_errors import INDEPENDENT
from cliff_tokens.stages.passes import AUDITED
from cliff_tokens.stages.taxonomy import kinds
from cliff_tokens.statistics import Intervals
from cliff_tokens.tables import PLACE, among, require


def true_drops(
    reference: pd.DataFrame, traces: pd.DataFrame, margin: float, confidence: float
) -> pd.DataFrame:
    """Every token's true drop: trace_id, t, model, cluster, drop, true, undecided.

    ``reference`` are its estimates, whose order is kept.
    """
    reference = owned(reference, traces)
    drop = reference["before"] - reference["after"]
    unsure = statistics.critical_value(confidence) * reference["drop_se"]
    return reference[[*PLACE, "model", "cluster"]].assign(
        drop=drop, true=drop > margin, undecided=(drop - margin).abs() < unsure
    )


def with_kinds(truths: pd.DataFrame, tokens: pd.DataFrame, certain: float) -> pd.DataFrame:
    """Rows of ``true_drops`` with the kind that each token would be of, were it a cliff."""
    scores = tokens[[*PLACE, "entropy", "rank"]]
    scores = truths[PLACE].merge(scores, on=PLACE, how="left", validate="1:1")
    scored = scores["entropy"].notna()
    require(scores, scored, "{trace_id}: token {t} of the reference has no score")
    return truths.assign(kind=kinds(scores["entropy"], scores["rank"], certain))


def with_audited(
    cliffs: pd.DataFrame, audit: pd.DataFrame, estimators: Sequence[str]
) -> tuple[pd.DataFrame, Sequence[str]]:
    """The catalogues of a run and, where it has independent rollouts, one more: what is audited.

    These are the cliffs from independent rollouts that are possible and that fresh ones confirm.
    """
    if INDEPENDENT not in estimators:
        return cliffs, estimators
    kept = audit.loc[audit["possible"] & audit["confirmed"], "cliff_id"]
    chosen = cliffs["estimator"].eq(INDEPENDENT) & cliffs["cliff_id"].isin(kept)
    more = cliffs[chosen].assign(estimator=AUDITED)
    return pd.concat([cliffs, more], ignore_index=True), [*estimators, AUDITED]


def score_catalogues(
    truths: pd.DataFrame,
    cliffs: pd.DataFrame,
    estimators: Sequence[str],
    intervals: Intervals,
    models: Sequence[str],
    kinds: Sequence[str] = (),
) -> pd.DataFrame:
    """Precision and recall of every catalogue of cliffs, per model and kind and pooled.

    ``..._least`` and ``..._most`` are their bounds over undecided drops; intervals are those of
    the point estimates.

    Args:
        truths: rows of ``true_drops``, with kinds if these are asked for.
        cliffs: of all catalogues, told apart by the column ``estimator``.
        estimators: catalogues, in the order of the rows.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        kinds: none leaves out the column ``kind``.
    """
    flagged = {
        estimator: pd.Series(among(truths, cliffs[cliffs["estimator"].eq(estimator)], PLACE))
        for estimator in estimators
    }
    axes = {"kind": kinds} if kinds else {}
    truths = truths.reset_index(drop=True)
    return pd.DataFrame(
        {
            **of_model,
            "estimator": estimator,
            **of_kind,
            "n": len(cell),
            **_scores(cell, flagged[estimator][cell.index], intervals),
        }
        for of_model, rows in cells(truths, pooled=["model"], model=models)
        for estimator in estimators
        for of_kind, cell in cells(rows, pooled=list(axes), **axes)
    )


def _scores(cell: pd.DataFrame, flagged: pd.Series, intervals: Intervals) -> dict:
    flags, true = cell[flagged], cell[cell["true"]]
    # Undecided drops are false where flagged and true where not, or the other way around.
    sure, unsure = cell[cell["true"] & ~cell["undecided"]], cell[cell["undecided"]]
    found = int(flagged[sure.index].sum())
    missed = len(sure) - found
    unsure_found = int(flagged[unsure.index].sum())
    unsure_missed = len(unsure) - unsure_found
    return {
        "flags": len(flags),
        "true_flags": int(flags["true"].sum()),
        **share_columns("precision", flags["true"], flags["cluster"], intervals),
        "precision_least": _ratio(found, len(flags)),
        "precision_most": _ratio(found + unsure_found, len(flags)),
        "true_drops": len(true),
        "undecided": len(unsure),
        **share_columns("recall", flagged[true.index], true["cluster"], intervals),
        "recall_least": _ratio(found, found + missed + unsure_missed),
        "recall_most": _ratio(found + unsure_found, found + unsure_found + missed),
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
