"""Traces flagged by the published rule and by fixed drops, data sets pooled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import OUTCOMES, cells, mean_columns, share_columns
from cliff_tokens.exhibits.prevalence import count_cliffs
from cliff_tokens.stages.cliff_test import CliffTest, FixedThreshold
from cliff_tokens.statistics import COUNT, Intervals

PUBLISHED = "published"


def values(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    drops: Sequence[float],
    test: CliffTest,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every rule, model and outcome.

    Args:
        estimates: potentials around every token of the traces.
        traces: the traces that are flagged or not.
        drops: fixed drops in potential, each a rule of its own.
        test: the published rule.
        intervals: how intervals are made.
        models: in the order of the rows.
    """
    drop = estimates["before"] - estimates["after"]
    rules = {(PUBLISHED, np.nan): test}
    rules |= {(f"drop >= {fixed:g}", fixed): FixedThreshold(fixed) for fixed in drops}
    rows = []
    for (name, fixed), rule in rules.items():
        flagged = estimates[rule.flags(drop, estimates["drop_se"])]
        counted = count_cliffs(traces, flagged)
        for labels, cell in cells(counted, model=models, outcome=OUTCOMES):
            flags, problem = cell["cliffs"], cell["cluster"]
            rows.append(
                {
                    "rule": name,
                    "drop": fixed,
                    **labels,
                    "n": len(cell),
                    "problems": problem.nunique(),
                    "flagged": int((flags > 0).sum()),
                    **share_columns("share_flagged", flags > 0, problem, intervals),
                    "flags": int(flags.sum()),
                    **mean_columns("flags_per_trace", flags, problem, intervals, limits=COUNT),
                }
            )
    return pd.DataFrame(rows)
