"""Forced runs per model: whether their counts are as equal as chance, and what pooling gains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, problems_of, share_columns
from cliff_tokens.stages.forced_runs import dispersion
from cliff_tokens.statistics import COUNT, Intervals


def values(runs: pd.DataFrame, intervals: Intervals, models: Sequence[str]) -> pd.DataFrame:
    """A row for every model, and all of them.

    ``runs`` hold ``prefixes`` prefixes. ``n`` of them, of ``prefixes_told`` prefixes, have two or
    more and rollouts that do not all agree. Of these, ``dispersion`` is the spread of the counts
    over that of independent rollouts, ``p`` that of 1, and ``share_unequal`` the share with a p of
    at most 1 - confidence. ``fewer_errors`` is by what factor pooling lowers the standard error of
    a prefix's potential, in the root mean square over prefixes of one variance.
    """
    told = runs.dropna(subset=["p"])
    rows = []
    for (labels, every), (_, own) in zip(
        cells(runs, pooled=["model"], model=models),
        cells(told, pooled=["model"], model=models),
        strict=True,
    ):
        cluster = problems_of(own)
        spread = mean_columns(
            "dispersion", own["chi2"], cluster, intervals, own["chi2_mean"], COUNT
        )
        prefixes = int(every["prefixes"].sum())
        unequal = own["p"] <= 1 - intervals.confidence
        rows.append(
            {
                **labels,
                "prefixes": prefixes,
                "runs": len(every),
                "longest": int(every["prefixes"].max()) if len(every) else 0,
                "fewer_errors": np.sqrt(prefixes / len(every)) if len(every) else np.nan,
                "n": len(own),
                "prefixes_told": int(own["prefixes"].sum()),
                **spread,
                "p": dispersion(own)[1],
                **share_columns("share_unequal", unequal, cluster, intervals),
            }
        )
    return pd.DataFrame(rows)
