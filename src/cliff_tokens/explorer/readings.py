"""A reading of a trace: its potential by one estimator, the rule's line, and the cliffs there.

Both kinds of data files, of runs and of own counts, are made of these parts.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.explorer.rounding import UNIT, short, shorts, whole
from cliff_tokens.statistics import critical_value, pass_at_k, wilson

CONFIRMED, NOT_CONFIRMED, CANNOT_BE = "confirmed", "not confirmed", "cannot be"
ARMS = ("del", "keep", "control_del", "control_keep")


def curve(
    potential: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    threshold: np.ndarray,
    counts: pd.DataFrame | None,
) -> dict:
    """The potential of every prefix, ready for a data file.

    Args:
        potential: of prefixes 0 .. T [T + 1]; NaN at T where the verdict is not known.
        ends: low and high of each prefix' interval [T + 1]; NaN for what is known, the verdict.
        threshold: the drop that is not yet a cliff, at tokens 1 .. T; NaN where not tested.
        counts: successes and rollouts of prefixes 0 .. T-1, or None where a potential is no count.
    """
    made = {
        "potential": whole(potential),
        "low": whole(ends[0]),
        "high": whole(ends[1]),
        "threshold": whole(threshold),
    }
    if counts is not None:
        rollouts = counts["rollouts"].tolist()
        made["successes"] = counts["successes"].tolist()
        made["rollouts"] = rollouts[0] if len(set(rollouts)) == 1 else rollouts
    return made


def counted_ends(counts: pd.DataFrame, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval at prefixes 0 .. T-1 [T + 1], NaN at T."""
    low, high = wilson(counts["successes"], counts["rollouts"], confidence)
    return np.append(low, np.nan), np.append(high, np.nan)


def normal_ends(
    potential: np.ndarray, error: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """The normal interval at prefixes 0 .. T-1 [T + 1] from their standard errors, NaN at T."""
    reach = np.append(critical_value(confidence) * error, np.nan)
    return np.clip(potential - reach, 0, 1), np.clip(potential + reach, 0, 1)


def verdict_of_audit(possible: bool | None, confirmed: bool | None) -> str | None:
    """What the audit says of a cliff in a word; None where there is none."""
    if possible is not None and not possible:
        return CANNOT_BE
    if confirmed is None:
        return None
    return CONFIRMED if confirmed else NOT_CONFIRMED


def arms(resampling: pd.DataFrame, confidence: float) -> dict:
    """The arms of one cliff: counts, interval and pass@k each, and where the control stands.

    ``k`` holds powers of four up to the number of rollouts.
    """
    most = int(resampling["rollouts"].min())
    ks = [k for k in (1, 4, 16, 64, 256) if k <= most]
    rows, made = resampling.set_index("arm"), {"k": ks}
    for arm in ARMS:
        if arm in rows.index:
            row = rows.loc[arm]
            counts = int(row["successes"]), int(row["rollouts"])
            shares = [float(pass_at_k(*counts, k)) for k in ks]
            made[arm] = measured(*counts, confidence) | {"pass": shorts(shares)}
    if "control_keep" in rows.index:
        control = rows.loc["control_keep"]
        made["control"] = {"trace": control["trace_id"], "t": int(control["prefix_t"])}
    return made


def measured(successes: int, rollouts: int, confidence: float) -> dict:
    """A share of rollouts with its Wilson interval."""
    low, high = wilson(successes, rollouts, confidence)
    ends = {"low": short(low, 3), "high": short(high, 3)}
    return {"successes": int(successes), "rollouts": int(rollouts)} | ends


def summary(reading: dict, points: int = 30) -> dict:
    """What the list shows of a reading: its curve in few points, its cliffs and largest drop.

    A point of the curve is a letter of 0-9a-z, from potential 0 to 1; a cliff is t, its kind, what
    the audit says of it and its drop. Between neighboring points stands the lowest potential.
    """
    known = [value for value in reading["potential"] if value is not None]
    parts = np.array_split(np.array(known), min(points, len(known)))
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    drops = [a - b for a, b in itertools.pairwise(known)]
    return {
        "curve": "".join(letters[round(int(part.min()) * 35 / UNIT)] for part in parts),
        "drop": max(drops, default=0),
        "cliffs": [
            [cliff["t"], cliff["kind"], cliff["audit"], _drop(known, cliff["t"])]
            for cliff in reading["cliffs"]
        ],
    }


def _drop(potential: Sequence[int], t: int) -> int:
    return potential[t - 1] - potential[t]
