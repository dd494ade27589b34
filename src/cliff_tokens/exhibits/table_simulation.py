"""Flags of the published protocol and those that are false, simulated, per model and kind."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells
from cliff_tokens.exhibits.simulated_draws import draw_independent
from cliff_tokens.exhibits.truths import true_drops, with_kinds
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals, percentile_interval
from cliff_tokens.tables import PLACE, among


def values(
    cliffs: pd.DataFrame,
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    traces: pd.DataFrame,
    rollouts: int,
    repetitions: int,
    test: CliffTest,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and kind, the last of both pooled.

    Values are means over repetitions on the same traces, with the interval that holds the
    repetitions. Beside them the flags of the real independent rollouts, if any.

    Args:
        cliffs: of the estimator independent; no files where the run has none.
        reference: estimates of the reference, from which flags are simulated.
        tokens: scores, which say of which kind a token would be.
        traces: rows of the table.
        rollouts: at every prefix, of the simulated protocol.
        repetitions: how often it is simulated.
        test: the rule, which flags drops and whose margin makes one true.
        certain: probability from which on a token's entropy is low.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    truths = true_drops(reference, traces, test.margin, intervals.confidence)
    truths = with_kinds(truths, tokens, certain)
    truths = truths.sort_values(PLACE, ignore_index=True)
    rng = np.random.default_rng(intervals.seed)
    flagged = np.empty((repetitions, len(truths)), dtype=bool)
    for repetition in range(repetitions):
        drawn = draw_independent(reference, rollouts, rng)
        flagged[repetition] = test.flags(drawn["before"] - drawn["after"], drawn["drop_se"])
    # Only what was read from files names its estimator.
    flagged_in_fact = among(truths, cliffs, PLACE) if "estimator" in cliffs else None
    rows = []
    axes = {"model": models, "kind": KINDS}
    for labels, cell in cells(truths, pooled=list(axes), **axes):
        row = {**labels, "n": len(cell)}
        for name, part in (("flags", cell), ("false_flags", cell[~cell["true"]])):
            flags = flagged[:, part.index].sum(axis=1)
            low, high = percentile_interval(flags, intervals.confidence)
            row |= {name: flags.mean(), f"{name}_low": float(low), f"{name}_high": float(high)}
            real = np.nan if flagged_in_fact is None else int(flagged_in_fact[part.index].sum())
            row[f"real_{name}"] = real
        rows.append(row)
    return pd.DataFrame(rows).astype({"real_flags": "Int64", "real_false_flags": "Int64"})
