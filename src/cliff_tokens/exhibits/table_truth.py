"""Precision and recall of every catalogue of cliffs, per model and kind and pooled."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.truths import score_catalogues, true_drops, with_audited, with_kinds
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals


def values(
    cliffs: pd.DataFrame,
    audit: pd.DataFrame,
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    traces: pd.DataFrame,
    estimators: Sequence[str],
    test: CliffTest,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``score_catalogues``; where there is an audit, of what it leaves too.

    Args:
        cliffs: of all estimators, told apart by the column ``estimator``.
        audit: of the cliffs of the estimator independent, if it is among the estimators.
        reference: estimates of the reference.
        tokens: scores, which say of which kind a token would be.
        traces: rows of the table.
        estimators: catalogues, in the order of the rows.
        test: the rule, whose margin makes a drop true.
        certain: probability from which on a token's entropy is low.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    cliffs, estimators = with_audited(cliffs, audit, estimators)
    truths = true_drops(reference, traces, test.margin, intervals.confidence)
    truths = with_kinds(truths, tokens, certain)
    return score_catalogues(truths, cliffs, estimators, intervals, models, KINDS)
