"""Cost of the potential, predicted and used."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cells import POOLED
from cliff_tokens.exhibits.cost_model import count_drawn, predict
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.statistics import Intervals

_USED = {"rollouts": "used_rollouts", "generated_tokens": "used_generated_tokens"}


def values(
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    potential: pd.DataFrame,
    branches: pd.DataFrame,
    protocol: Protocol,
    tokens_per_second: float | None,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``predict`` beside the counts of what was drawn; ``ratio`` is tokens over tokens.

    Args:
        traces: those that every estimator was run on.
        tokens: scores of the same traces.
        potential: independent rollouts that were drawn; no files where the run has none.
        branches: branches that the estimator recursive drew.
        protocol: N of both estimators.
        tokens_per_second: that one device generates; null leaves hours empty.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        datasets: likewise; a row for all of them follows.
    """
    predicted = predict(traces, tokens, protocol, tokens_per_second, intervals, models, datasets)
    drawn = count_drawn(potential, branches, traces)
    drawn = drawn.rename(columns={"draws": "estimator"} | _USED)
    keys = ["model", "dataset", "estimator"]
    used = pd.concat([drawn, drawn.assign(dataset=POOLED)]).groupby(keys)[[*_USED.values()]].sum()
    joined = predicted.join(used, on=keys)
    joined["ratio"] = joined["used_generated_tokens"] / joined["generated_tokens"]
    return joined.astype(dict.fromkeys(_USED.values(), "Int64"))
