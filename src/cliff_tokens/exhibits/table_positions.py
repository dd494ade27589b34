"""Where cliffs, critical tokens and tangents lie on incorrect traces, per model and pooled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, share_columns
from cliff_tokens.exhibits.cut_point_positions import POINTS, point_positions
from cliff_tokens.stages.cut_points import CutRules
from cliff_tokens.statistics import SHARE, Intervals

_QUANTILES = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}


def values(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    rules: CutRules,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and point.

    ``n`` counts points; a tangent stands for its first token. ``before``, ``at`` and ``after``
    count them against the critical token of their trace, where it has one, and ``distance`` is
    signed, in tokens. ``in_tangent`` is the share that lies inside a tangent, ``with_cliff`` of
    tangents that hold a cliff. ``relative`` is t/T, with its quartiles.

    Args:
        cut_points: rows of the table.
        estimates: those that the cut points were read off.
        traces: rows of the table; correct ones are left out.
        cliffs: rows of the table.
        rules: what makes a tangent.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    points = point_positions(cut_points, estimates, traces, cliffs, rules)
    axes = {"model": models, "point": POINTS}
    return pd.DataFrame(
        {**labels, "n": len(cell), **_columns(cell, intervals)}
        for labels, cell in cells(points, pooled=["model"], **axes)
    )


def _columns(cell: pd.DataFrame, intervals: Intervals) -> dict:
    beside_critical = cell[cell["distance"].notna()]
    distance, cluster = beside_critical["distance"].astype(float), beside_critical["cluster"]
    is_tangent = cell["point"].eq("tangent")
    row = {}
    for name, flags in (
        ("before", distance < 0), ("at", distance == 0), ("after", distance > 0),
    ):  # fmt: skip
        row[name] = int(flags.sum())
        row |= share_columns(f"share_{name}", flags, cluster, intervals)
    row |= mean_columns("distance", distance, cluster, intervals)
    for name, part in (("in_tangent", cell[~is_tangent]), ("with_cliff", cell[is_tangent])):
        row |= share_columns(name, part[name], part["cluster"], intervals)
    relative = cell["relative"]
    row |= mean_columns("relative", relative, cell["cluster"], intervals, limits=SHARE)
    for name, share in _QUANTILES.items():
        row[name] = float(relative.quantile(share)) if len(cell) else np.nan
    return row
