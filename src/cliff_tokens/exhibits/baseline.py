"""What tables of kinds, greedy tokens and entropy share: cliffs against all tokens."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, owned, share_columns
from cliff_tokens.statistics import COUNT, Intervals, bootstrap


def against_baseline(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    **axes: Sequence[str],
) -> pd.DataFrame:
    """Share of every cell among cliffs and among all tokens, and the ratio of the two.

    A row for every model, then pooled, and combination of the axes' values. ``n`` counts the cliffs
    of the model and ``cliffs`` those of the cell.

    Args:
        tokens: every token of the traces, with a column for each axis.
        cliffs: the tokens among them that are cliffs, with the same columns.
        traces: who wrote the tokens, to which problem.
        intervals: how intervals are made.
        models: in the order of the rows.
        axes: column names and their values.
    """
    places = ["trace_id", *axes]
    parts = [cliffs[places].assign(is_cliff=True), tokens[places].assign(is_cliff=False)]
    pooled = owned(pd.concat(parts, ignore_index=True), traces)
    # Problems are numbered, in the order of their names: there are far fewer of them than tokens.
    pooled["cluster"] = pd.factorize(pooled["cluster"], sort=True)[0]
    rows = []
    for labels, cell in cells(pooled, pooled=["model"], model=models):
        groups = [cell[cell["is_cliff"]], cell[~cell["is_cliff"]]]
        for values in product(*axes.values()):
            flags = [
                np.logical_and.reduce([group[a] == v for a, v in zip(axes, values, strict=True)])
                for group in groups
            ]
            rows.append(
                {
                    **labels,
                    **dict(zip(axes, values, strict=True)),
                    "n": len(flags[0]),
                    "cliffs": int(flags[0].sum()),
                    **_compare(flags, [group["cluster"] for group in groups], intervals),
                }
            )
    return pd.DataFrame(rows)


def _compare(
    flags: Sequence[np.ndarray], clusters: Sequence[pd.Series], intervals: Intervals
) -> dict:
    """The columns from ``share`` on: flags among cliffs and among tokens."""
    share = share_columns("share", flags[0], clusters[0], intervals)
    baseline = share_columns("baseline", flags[1], clusters[1], intervals)
    common = baseline["baseline"]
    low, high = _ratio_interval(flags, clusters, intervals)
    return {
        **share,
        "tokens": len(flags[1]),
        **baseline,
        "ratio": share["share"] / common if common else np.nan,
        "ratio_low": low,
        "ratio_high": high,
    }


def _ratio_interval(
    flags: Sequence[np.ndarray], clusters: Sequence[pd.Series], intervals: Intervals
) -> tuple[float, float]:
    """Interval of the ratio of two shares whose rows come from the same problems."""
    rows = np.zeros((len(flags[0]) + len(flags[1]), 4))
    is_cliff = np.arange(len(rows)) < len(flags[0])
    rows[is_cliff, 0], rows[is_cliff, 1] = flags[0], 1
    rows[~is_cliff, 2], rows[~is_cliff, 3] = flags[1], 1

    def ratio(sums: np.ndarray) -> np.ndarray:
        shares = sums[..., [0, 2]] / sums[..., [1, 3]]
        ratios = shares[..., 0] / shares[..., 1]
        return np.where(np.isfinite(ratios), ratios, np.nan)

    # Problems without a cliff say nothing of the rarer side.
    problems = np.concatenate(clusters)
    low, high = bootstrap(ratio, rows, problems, intervals, COUNT, counted=is_cliff)
    return float(low), float(high)
