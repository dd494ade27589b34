"""Cost of the potential, predicted from traces and their scores."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cost_model import predict
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.statistics import Intervals


def values(
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    protocol: Protocol,
    tokens_per_second: float | None,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``predict``, which says what its arguments are."""
    return predict(traces, tokens, protocol, tokens_per_second, intervals, models, datasets)
