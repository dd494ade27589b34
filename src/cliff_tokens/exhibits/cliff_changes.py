"""Cliffs of tuned models against those of base, counted on traces of each (paper, Cliff-DPO)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, problems_of, share_columns
from cliff_tokens.exhibits.gains import adjust, gain_columns, pair_with_base, size_columns
from cliff_tokens.stages.evaluation import BASE
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import COUNT, Intervals, bootstrap


def cliff_changes(
    recounts: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Cliffs per trace and per 1000 tokens of base and of every variant, and their change.

    A row for every data set and, where there are several, for all of them. Columns: ``n``
    problems, ``seeds``, ``traces``, ``cliffs`` and each kind's number, ``tokens``,
    ``accuracy``, ``per_trace`` and ``per_1000_tokens`` with intervals, ``change`` (of cliffs per
    trace) and ``change_per_1000_tokens`` against base with intervals, ``seed_sd`` (of ``change``
    between seeds), ``p`` and ``p_holm`` (of ``change``).

    Args:
        recounts: rows of the table.
        adapters: what was trained: model, variant, seed and ``weights``, a hash.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        variants: likewise, after base.
        datasets: likewise.
    """
    recounts = recounts.assign(correct=recounts["verdict"].eq("correct").astype("int64"))
    counted = ["cliffs", *KINDS, "tokens"]
    pooled = ["dataset"] if len(datasets) > 1 else []
    rows = []
    for labels, cell in cells(recounts, pooled, model=models, dataset=datasets):
        for variant in [BASE, *variants]:
            pairs = pair_with_base(cell, variant, [*counted, "correct"])
            clusters, tokens = problems_of(pairs), pairs["tokens"]
            row = labels | {"variant": variant, **size_columns(pairs, "traces")}
            row |= {name: int(pairs[name].sum()) for name in counted}
            row |= share_columns("accuracy", pairs["correct"], clusters, intervals)
            row |= mean_columns("per_trace", pairs["cliffs"], clusters, intervals, limits=COUNT)
            row |= mean_columns(
                "per_1000_tokens", 1000 * pairs["cliffs"], clusters, intervals, tokens, COUNT
            )
            row |= gain_columns("change", pairs, "cliffs", intervals, variant)
            row |= _rate_change("change_per_1000_tokens", pairs, intervals, variant)
            rows.append(row)
    return adjust(pd.DataFrame(rows), adapters)


def _rate_change(name: str, pairs: pd.DataFrame, intervals: Intervals, variant: str) -> dict:
    """Difference of cliffs per 1000 tokens; both sides come from the same resampled problems."""
    columns = dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    if variant == BASE or pairs.empty:
        return columns
    rows = pairs[["cliffs", "tokens", "cliffs_base", "tokens_base"]].to_numpy(dtype=float)

    def change(sums: np.ndarray) -> np.ndarray:
        return 1000 * (sums[..., 0] / sums[..., 1] - sums[..., 2] / sums[..., 3])

    columns[name] = float(change(rows.sum(axis=0)))
    low, high = bootstrap(change, rows, problems_of(pairs), intervals)
    return columns | {f"{name}_low": float(low), f"{name}_high": float(high)}
