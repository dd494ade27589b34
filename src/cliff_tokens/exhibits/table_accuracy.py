"""Verdicts and cliffs of the traces, per model and data set and over all data sets."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, share_columns
from cliff_tokens.exhibits.prevalence import count_cliffs
from cliff_tokens.statistics import COUNT, Intervals


def values(
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and data set.

    Args:
        traces: rows of the table.
        cliffs: of one estimator.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        datasets: likewise.
    """
    counted = count_cliffs(traces, cliffs)
    rows = []
    for labels, cell in cells(counted, pooled=["dataset"], model=models, dataset=datasets):
        verdict, problem = cell["verdict"], cell["cluster"]
        rows.append(
            {
                **labels,
                "n": len(cell),
                "problems": problem.nunique(),
                "correct": int(verdict.eq("correct").sum()),
                "unparsed": int(verdict.eq("unparsed").sum()),
                "timeouts": int(verdict.eq("timeout").sum()),
                "truncated": int(cell["finish"].eq("length").sum()),
                **share_columns("accuracy", verdict.eq("correct"), problem, intervals),
                **share_columns("share_with_cliff", cell["cliffs"] > 0, problem, intervals),
                "cliffs": int(cell["cliffs"].sum()),
                **mean_columns(
                    "cliffs_per_trace", cell["cliffs"], problem, intervals, limits=COUNT
                ),
                "tokens": int(cell["tokens"].sum()),
                **mean_columns(
                    "cliffs_per_1000_tokens",
                    1000 * cell["cliffs"],
                    problem,
                    intervals,
                    cell["tokens"],
                    COUNT,
                ),
            }
        )
    return pd.DataFrame(rows)
