"""pass@k around the first cliff of each incorrect trace: token deleted, token kept, controls."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits import pass_at_k
from cliff_tokens.statistics import Intervals


def values(
    resampling: pd.DataFrame,
    cliffs: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``pass_at_k.values``, of one cliff a trace: ``n`` counts incorrect traces.

    Args:
        resampling: counts of the arms of every cliff.
        cliffs: the cliffs that were resampled.
        intervals: how intervals are made.
        models: in the order of the rows.
        datasets: the same.
    """
    first = cliffs[cliffs["ordinal"].eq(1)]
    arms = resampling[resampling["cliff_id"].isin(first["cliff_id"])]
    return pass_at_k.values(arms, cliffs, "incorrect", intervals, models, datasets)
