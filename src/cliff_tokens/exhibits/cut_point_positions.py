"""Where on an incorrect trace cliffs, critical tokens and tangents lie (paper, RQ1)."""

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cut_point_rates import incorrect_traces
from cliff_tokens.stages.cut_points import CutRules, series
from cliff_tokens.stages.taxonomy import KINDS

POINTS = ("first cliff", "cliff", *KINDS, "critical token", "tangent", "random token")
_COLUMNS = [
    "trace_id", "model", "cluster", "point", "t", "relative", "distance", "in_tangent",
    "with_cliff",
]  # fmt: skip


def point_positions(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    rules: CutRules,
) -> pd.DataFrame:
    """One row for every point of every incorrect trace.

    Columns: trace_id, model, cluster, point, t (a tangent stands for its first token), relative
    (t/T), distance (from the trace's critical token in tokens; null without one, and for it),
    in_tangent, with_cliff. A cliff is a point of its kind too, and the first of a trace one more.

    Args:
        cut_points: rows of the table, which hold the critical and the random token.
        estimates: those that the cut points were read off.
        traces: rows of the table; correct ones are left out.
        cliffs: rows of the table.
        rules: what makes a tangent.
    """
    cuts = cut_points.dropna(subset="prefix_t").set_index(["trace_id", "method"])["prefix_t"]
    potentials = series(estimates)
    cliffs_of = {
        trace_id: list(rows.itertuples(index=False))
        for trace_id, rows in cliffs.sort_values("t").groupby("trace_id")[["t", "kind"]]
    }
    rows = []
    for trace in incorrect_traces(traces).itertuples():
        tangents = rules.tangents(potentials[trace.trace_id])
        cliffs_here = cliffs_of.get(trace.trace_id, [])
        points = [("cliff", cliff.t) for cliff in cliffs_here]
        points += [(cliff.kind, cliff.t) for cliff in cliffs_here]
        points += [("first cliff", cliff.t) for cliff in cliffs_here[:1]]
        points += [("tangent", start + 1) for start, _ in tangents]
        for point, method in (("critical token", "critical"), ("random token", "random")):
            if (trace.trace_id, method) in cuts.index:
                points.append((point, int(cuts[trace.trace_id, method]) + 1))
        critical = cuts.get((trace.trace_id, "critical"), np.nan) + 1
        ends = dict(tangents)
        for point, t in points:
            is_tangent = point == "tangent"
            rows.append(
                {
                    "trace_id": trace.trace_id,
                    "model": trace.model,
                    "cluster": trace.cluster,
                    "point": point,
                    "t": int(t),
                    "relative": t / (len(potentials[trace.trace_id]) - 1),
                    "distance": np.nan if point == "critical token" else t - critical,
                    "in_tangent": any(start < t <= end for start, end in tangents),
                    "with_cliff": is_tangent
                    and any(t <= cliff.t <= ends[t - 1] for cliff in cliffs_here),
                }
            )
    return pd.DataFrame(rows, columns=_COLUMNS)
