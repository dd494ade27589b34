"""In how many settings deletion at the first cliff beats its rivals.

A setting is a model and data set with a cliff on an incorrect trace; ``n`` counts those traces, of
the fair reading those where both methods have a cut point. Means tie where they are equal to 1e-9;
*clearly* means that the interval of the difference is on one side of zero. The difference from
"every rival" is the smallest of the three: the cliff beats every rival, loses to one or more, or
else ties.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import POOLED, cells, mean_columns
from cliff_tokens.exhibits.cut_point_rates import (
    RIVALS,
    extremes,
    in_population,
    incorrect_traces,
    rates_of,
)
from cliff_tokens.statistics import DIFFERENCE, Intervals

EVERY = "every rival"
READINGS = ("published", "fair")  # the column ``variant``
_EQUAL = 1e-9  # means of the same pass@k may differ by rounding
_COUNTED = ["settings", "n", "beats", "ties", "loses", "beats_clearly", "loses_clearly"]
_COLUMNS = [
    "variant", "k", "rival", "model", "dataset", "settings", "n", "cliff", "other", "difference",
    "difference_low", "difference_high", "beats", "ties", "loses", "beats_clearly",
    "loses_clearly",
]  # fmt: skip


def values(
    cut_points: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """A row for every reading, k, rival and setting, below those that count the settings.

    Rows of the model "all" count the settings in which there was a comparison.

    Args:
        cut_points: rows of the table.
        traces: rows of the table; correct ones are left out.
        intervals: how intervals are made.
        models: settings, in this order.
        datasets: likewise.
    """
    ks = extremes(cut_points)
    failed = incorrect_traces(traces)
    rates = rates_of(cut_points, failed, ks)
    with_cliff = failed[in_population(rates, "cliff_first")]
    settings = [
        (labels, cell)
        for labels, cell in cells(with_cliff, model=models, dataset=datasets)
        if len(cell)
    ]
    rows = []
    for reading, k in itertools.product(READINGS, ks):
        for labels, cell in settings:
            of_cliff = rates["cliff_first", k][cell.index]
            comparisons = {}
            for rival in RIVALS:
                of_rival = rates[rival, k][cell.index]
                if reading == "published":
                    of_rival = of_rival.fillna(0.0)
                comparisons[rival] = _compare(of_cliff, of_rival, cell["cluster"], intervals)
            comparisons[EVERY] = _compare_with_every(list(comparisons.values()))
            rows += [
                {"variant": reading, "k": k, "rival": rival, **labels, **columns}
                for rival, columns in comparisons.items()
            ]
    single = pd.DataFrame(rows, columns=_COLUMNS)
    counts = [
        {**labels, "model": POOLED, "dataset": POOLED, **cell[_COUNTED].sum().to_dict()}
        for labels, cell in cells(single, variant=READINGS, k=ks, rival=(*RIVALS, EVERY))
    ]
    settings = pd.concat([pd.DataFrame(counts, columns=_COLUMNS), single], ignore_index=True)
    return settings.astype(dict.fromkeys(["k", *_COUNTED], "int64"))


def _compare(
    of_cliff: pd.Series, of_rival: pd.Series, cluster: pd.Series, intervals: Intervals
) -> dict:
    """The cliff against one rival on the traces where both have a value."""
    paired = of_rival.notna()
    difference = (of_cliff - of_rival)[paired]
    row = {
        "n": int(paired.sum()),
        "cliff": of_cliff[paired].mean(),
        "other": of_rival[paired].mean(),
        **mean_columns("difference", difference, cluster[paired], intervals, limits=DIFFERENCE),
    }
    return row | {
        **_sign(row["difference"]),
        "beats_clearly": int(row["difference_low"] > _EQUAL),
        "loses_clearly": int(row["difference_high"] < -_EQUAL),
    }


def _compare_with_every(comparisons: list[dict]) -> dict:
    """The cliff against all rivals at once; no interval, since the rival is chosen by the data."""
    made = [comparison for comparison in comparisons if comparison["n"]]
    difference = min((comparison["difference"] for comparison in made), default=np.nan)
    return {
        "n": min((comparison["n"] for comparison in made), default=0),
        "difference": difference,
        **_sign(difference),
        "beats_clearly": int(bool(made) and all(each["beats_clearly"] for each in made)),
        "loses_clearly": int(any(each["loses_clearly"] for each in made)),
    }


def _sign(difference: float) -> dict:
    return {
        "settings": int(not np.isnan(difference)),
        "beats": int(difference > _EQUAL),
        "ties": int(abs(difference) <= _EQUAL),
        "loses": int(difference < -_EQUAL),
    }
