"""Own counts as traces of the explorer: what such a file does not hold is left out."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cliff_tokens.detection import measure_drops
from cliff_tokens.explorer import readings
from cliff_tokens.explorer.rounding import shorts

ESTIMATOR = "counts"


def traces_of(
    counts: pd.DataFrame, margin: float, z: float, confidence: float
) -> Iterator[tuple[dict, str]]:
    """Every trace of checked counts for ``pages.write``, and the text that is searched.

    Args:
        counts: as ``own_counts.read_counts`` returns them.
        margin: the drop that is no cliff yet.
        z: how many standard errors more than that a cliff falls.
        confidence: of the intervals.
    """
    drops = dict(iter(measure_drops(counts, margin, z, confidence).groupby("trace", sort=False)))
    for number, (name, rows) in enumerate(counts.groupby("trace", sort=False)):
        trace = {"id": str(name), "problem": number}
        if "verdict" in rows:
            trace["verdict"] = rows["verdict"].iloc[0]
        trace["length"] = len(rows)
        text = ""
        if "token" in rows:
            trace["tokens"] = rows["token"].tolist()
            text = "".join(trace["tokens"])
        if "q" in rows:
            trace["bound"] = shorts(1 - rows["q"])
        trace["readings"] = {ESTIMATOR: _reading(rows, drops.get(name), confidence)}
        yield trace, text


def _reading(rows: pd.DataFrame, drops: pd.DataFrame | None, confidence: float) -> dict:
    ends = {"correct": 1.0, "incorrect": 0.0}
    end = ends[rows["verdict"].iloc[0]] if "verdict" in rows else np.nan
    potential = np.append(rows["successes"] / rows["rollouts"], end)
    # A trace of one token without a verdict has no token that can be tested.
    tested = [] if drops is None else drops["threshold"]
    threshold = np.full(len(rows), np.nan)
    threshold[: len(tested)] = tested
    made = readings.curve(
        potential,
        readings.counted_ends(rows, confidence),
        threshold,
        rows[["successes", "rollouts"]],
    )
    flagged = () if drops is None else drops[drops["cliff"]].itertuples()
    made["cliffs"] = [
        {
            "t": int(row.t),
            "kind": None,
            "audit": readings.verdict_of_audit(getattr(row, "possible", None), None),
            "p": float(f"{row.p_exact:.2g}"),
        }
        for row in flagged
    ]
    return made
