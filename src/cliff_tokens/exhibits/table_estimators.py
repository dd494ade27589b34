"""What every estimator costs, how near it comes to the reference, and how good its cliffs are."""

from collections.abc import Mapping, Sequence

import pandas as pd

from cliff_tokens.exhibits.estimator_errors import compare_errors
from cliff_tokens.exhibits.truths import score_catalogues, true_drops
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.recursion import unsmoothed_errors
from cliff_tokens.statistics import Intervals


def values(
    estimates: pd.DataFrame,
    cliffs: pd.DataFrame,
    potential: pd.DataFrame,
    branches: pd.DataFrame,
    reference: pd.DataFrame,
    reference_branches: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    rounds: Mapping[str, Sequence[str]],
    test: CliffTest,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``compare_errors`` joined to those of ``score_catalogues``, per model and pooled.

    Args:
        estimates: of all estimators, told apart by the column ``estimator``.
        cliffs: of all estimators, likewise.
        potential: rollouts that were drawn; no files where the run has no independent ones.
        branches: branches that were drawn, of all rounds (column ``draws``).
        reference: its estimates.
        reference_branches: branches that were drawn for it.
        traces: rows of the table.
        tokens: rows of the table.
        rounds: the draws that each estimator is made of; estimators in the order of the rows.
        test: the rule, whose margin makes a drop true.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    truths = true_drops(reference, traces, test.margin, intervals.confidence)
    catalogues = score_catalogues(truths, cliffs, list(rounds), intervals, models)
    known = unsmoothed_errors(traces, tokens, reference_branches)
    errors = compare_errors(
        estimates, potential, branches, known, traces, rounds, intervals, models
    )
    keys = ["model", "estimator"]
    return errors.merge(catalogues.drop(columns="n"), on=keys, validate="1:1")
