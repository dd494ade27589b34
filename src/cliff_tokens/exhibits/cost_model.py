"""What rollouts will cost, from traces and their scores, before any rollout is drawn.

A trace and a rollout from one of its prefixes are draws of the same sampler, so its own remaining
length T - t is an unbiased estimate of the rollout's: N rollouts at every prefix are expected to
generate N T (T + 1) / 2 tokens. The same holds for branches. The token x_t and the first token of
a branch are two draws given that they differ, so either could have been the trace's; and at a
prefix with n_t = N (1 - q_t) branches, n_t (T - t) is expected to be what they generate after it.
No correction factor is needed: what is predicted is right on average over traces, though not for
each. Only the rounding of n_t to whole branches is left out of account.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, problems_of
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.recursion import branches_of
from cliff_tokens.statistics import COUNT, Intervals, bootstrap

ESTIMATORS = ("independent", "recursive")


def costs_of_traces(traces: pd.DataFrame, tokens: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """What each trace will cost both estimators, a row a trace.

    Columns: model, dataset, cluster, tokens (T), and ``_rollouts`` and ``_tokens`` of each
    estimator. Rollouts are exact.
    """
    length = traces.set_index("trace_id")["token_ids"].map(len)
    n = branches_of(tokens["sampler_probability"].to_numpy(), protocol.branches)
    remaining = tokens["trace_id"].map(length).to_numpy() - tokens["t"].to_numpy()
    branches = pd.DataFrame(
        {"trace_id": tokens["trace_id"], "rollouts": n, "tokens": n * remaining.astype("int64")}
    )
    branches = branches.groupby("trace_id").sum().reindex(length.index)
    scores = tokens["trace_id"].value_counts().reindex(length.index, fill_value=0)
    if (scores != length).any():
        first = length.index[scores != length][0]
        raise ValueError(
            f"{first}: expected scores of {length[first]} tokens, found {scores[first]}; "
            "score the traces again"
        )
    return pd.DataFrame(
        {
            "model": traces["model"].to_numpy(),
            "dataset": traces["dataset"].to_numpy(),
            "cluster": problems_of(traces).to_numpy(),
            "tokens": length.to_numpy(),
            "independent_rollouts": protocol.rollouts * length.to_numpy(),
            "independent_tokens": protocol.rollouts * (length * (length + 1) // 2).to_numpy(),
            "recursive_rollouts": branches["rollouts"].to_numpy(),
            "recursive_tokens": branches["tokens"].to_numpy(),
        }
    )


def predict(
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    protocol: Protocol,
    tokens_per_second: float | None,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Rollouts, generated tokens and hours of one device, per model, data set and estimator.

    ``n`` counts traces, ``tokens`` theirs. The interval of generated tokens resamples problems: it
    is of such problems rather than of these.

    Args:
        traces: rows of the table.
        tokens: scores of the same traces.
        protocol: N of both estimators.
        tokens_per_second: that one device generates; null leaves hours empty.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        datasets: likewise; a row for all of them follows.
    """
    costs = costs_of_traces(traces, tokens, protocol)
    rows = []
    for labels, cell in cells(costs, pooled=["dataset"], model=models, dataset=datasets):
        for estimator in ESTIMATORS:
            generated = cell[f"{estimator}_tokens"]
            low, high = _sum_interval(generated, cell["cluster"], intervals)
            row = {
                **labels,
                "estimator": estimator,
                "n": len(cell),
                "tokens": int(cell["tokens"].sum()),
                "rollouts": int(cell[f"{estimator}_rollouts"].sum()),
                "generated_tokens": int(generated.sum()),
                "generated_tokens_low": low,
                "generated_tokens_high": high,
            }
            for end in ("", "_low", "_high"):
                row[f"hours{end}"] = hours(row[f"generated_tokens{end}"], tokens_per_second)
            rows.append(row)
    return pd.DataFrame(rows)


def hours(generated_tokens: pd.Series | float, tokens_per_second: float | None):
    """Hours of one device; NaN without a speed."""
    return generated_tokens / (tokens_per_second or np.nan) / 3600


def count_drawn(
    potential: pd.DataFrame, branches: pd.DataFrame, traces: pd.DataFrame
) -> pd.DataFrame:
    """What was drawn: model, dataset, draws, rollouts and generated_tokens of every prefix.

    Args:
        potential: independent rollouts; without columns where the run has none.
        branches: those of the recursion, whose column ``draws`` tells their rounds apart; likewise.
        traces: whose prefixes are counted.
    """
    columns = ["model", "dataset", "draws", "rollouts", "generated_tokens"]
    parts = [potential.assign(draws="independent"), branches]
    given = [
        part.loc[part["trace_id"].isin(traces["trace_id"]), columns]
        for part in parts
        if was_drawn(part)
    ]
    return pd.concat(given, ignore_index=True) if given else pd.DataFrame(columns=columns)


def was_drawn(counts: pd.DataFrame) -> bool:
    """Whether a run has these counts, be they of no prefix: only files name their model."""
    return "model" in counts


def _sum_interval(
    values: pd.Series, clusters: pd.Series, intervals: Intervals
) -> tuple[float, float]:
    low, high = bootstrap(
        lambda sums: sums[..., 0], values.to_numpy()[:, None], clusters, intervals, COUNT
    )
    return float(low), float(high)
