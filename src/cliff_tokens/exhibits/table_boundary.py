"""Where the claim ends: traces with potential 0 at the bare prompt, and cliffs on them."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, share_columns
from cliff_tokens.exhibits.prevalence import count_cliffs
from cliff_tokens.stages.estimators import Protocol, rollouts_of
from cliff_tokens.statistics import COUNT, SHARE, Intervals, wilson
from cliff_tokens.tables import require


def values(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    estimator: str,
    protocol: Protocol,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and data set, and over all data sets.

    ``zero_high`` is the upper limit of a potential of which all N rollouts failed. Cliffs per
    trace stand beside it for traces at zero and for all others.

    Args:
        estimates: potentials around every token of the traces.
        traces: the traces that start at zero or do not.
        cliffs: the cliffs on them.
        estimator: whose estimates these are.
        protocol: N of every estimator.
        intervals: how intervals are made.
        models: in the order of the rows.
        datasets: likewise.
    """
    counted = count_cliffs(traces, cliffs)
    outset = estimates[estimates["t"].eq(1)].set_index("trace_id")["before"]
    counted["outset"] = traces["trace_id"].map(outset)
    estimated = counted["outset"].notna()
    require(traces, estimated, "{trace_id}: has no estimate at the bare prompt; estimate it again")
    limit = float(wilson(0, rollouts_of(estimator, protocol), intervals.confidence)[1])
    rows = []
    for labels, cell in cells(counted, pooled=["dataset"], model=models, dataset=datasets):
        zero = cell["outset"].eq(0)
        row = {
            **labels,
            "n": len(cell),
            "problems": cell["cluster"].nunique(),
            **mean_columns("outset", cell["outset"], cell["cluster"], intervals, limits=SHARE),
            "at_zero": int(zero.sum()),
            **share_columns("share_at_zero", zero, cell["cluster"], intervals),
            "zero_high": limit,
        }
        for name, part in (("at_zero", cell[zero]), ("elsewhere", cell[~zero])):
            row[f"cliffs_{name}"] = int(part["cliffs"].sum())
            per_trace = f"cliffs_per_trace_{name}"
            row |= mean_columns(per_trace, part["cliffs"], part["cluster"], intervals, limits=COUNT)
        failed = cell[cell["outcome"].eq("incorrect")]
        bare = failed["cliffs"].eq(0)
        row |= {"incorrect": len(failed), "without_cliff": int(bare.sum())}
        row |= share_columns("share_without_cliff", bare, failed["cluster"], intervals)
        rows.append(row)
    return pd.DataFrame(rows)
