"""Flags of every estimator and those that are false, simulated, per model and kind."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells
from cliff_tokens.exhibits.simulated_draws import Truth, simulate
from cliff_tokens.exhibits.truths import true_drops, with_kinds
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals, percentile_interval
from cliff_tokens.tables import PLACE, among


def values(
    cliffs: pd.DataFrame,
    reference: pd.DataFrame,
    reference_branches: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    estimators: Sequence[str],
    protocol: Protocol,
    repetitions: int,
    test: CliffTest,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every estimator, model and kind, the last of both pooled.

    Values are means over repetitions on the same traces, with the interval that holds the
    repetitions: flags, those that are false, and precision and recall of all passes together.
    Beside them the flags of the rollouts that were really drawn.

    Args:
        cliffs: of all estimators, told apart by the column ``estimator``.
        reference: its estimates, from which flags are simulated.
        reference_branches: branches that were drawn for it.
        traces: rows of the table.
        tokens: scores, which say of which kind a token would be.
        alternatives: rows of the table.
        estimators: those that are simulated, in the order of the rows.
        protocol: of the simulated estimators.
        repetitions: how often each is simulated.
        test: the rule, which flags drops and whose margin makes one true.
        certain: probability from which on a token's entropy is low.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    truths = true_drops(reference, traces, test.margin, intervals.confidence)
    truths = with_kinds(truths, tokens, certain)
    truths = truths.sort_values(PLACE, ignore_index=True)
    truth = Truth(traces, tokens, alternatives, reference, reference_branches)
    rows = []
    axes = {"model": models, "kind": KINDS}
    for number, estimator in enumerate(estimators):
        rng = np.random.default_rng([intervals.seed, number])
        flagged = np.empty((repetitions, len(truths)), dtype=bool)
        for repetition in range(repetitions):
            drawn, _ = simulate(estimator, truth, protocol, rng)
            drawn = drawn.sort_values(PLACE, ignore_index=True)
            flagged[repetition] = test.flags(drawn["before"] - drawn["after"], drawn["drop_se"])
        in_fact = among(truths, cliffs[cliffs["estimator"].eq(estimator)], PLACE)
        for labels, cell in cells(truths, pooled=list(axes), **axes):
            row = {"estimator": estimator, **labels, "n": len(cell)}
            true, false = cell[cell["true"]].index, cell[~cell["true"]].index
            for name, part in (("flags", cell.index), ("false_flags", false)):
                flags = flagged[:, part].sum(axis=1)
                low, high = percentile_interval(flags, intervals.confidence)
                row |= {name: flags.mean(), f"{name}_low": float(low), f"{name}_high": float(high)}
                row[f"real_{name}"] = int(in_fact[part].sum())
            found = flagged[:, true].sum() / repetitions
            row["precision"] = found / row["flags"] if row["flags"] else np.nan
            row["recall"] = found / len(true) if len(true) else np.nan
            rows.append(row)
    return pd.DataFrame(rows)
