"""Potential by recursion: what a token can change is known before any rollout is drawn.

With q_t the probability that the sampler gives x_t after prefix t-1, and B_t the success of a
rollout from prefix t-1 whose first token is drawn from the sampler given that it is not x_t,

    V_{t-1} = q_t V_t + (1 - q_t) B_t     and     V_{t-1} - V_t = (1 - q_t)(B_t - V_t).

One teacher-forced pass gives q_t. Only the B_t need rollouts (*branches*), N (1 - q_t) of them
instead of N, and none where q_t = 1. From the end, where V_T is the verdict of the trace,

    Var V_{t-1} = q_t^2 Var V_t + (1 - q_t)^2 Var B_t,
    Var (V_{t-1} - V_t) = (1 - q_t)^2 (Var B_t + Var V_t),

since branches of different prefixes are independent. With at least N (1 - q_t) branches at every
t, Var V_t <= V_t (1 - V_t) / N: never less accurate than N independent rollouts at each prefix.
"""

import itertools

import numpy as np
import pandas as pd

_KEY = ["trace_id", "t"]


def plan(
    tokens: pd.DataFrame, alternatives: pd.DataFrame, rollouts: int, seeds: np.ndarray
) -> pd.DataFrame:
    """Branch rollouts of every first token: trace_id, t, first_token_id, rollouts.

    ``rollouts`` is N. ``seeds`` float64 [rows of tokens] in [0, 1) decide the rounding: a prefix
    draws n = ceil(N (1 - q_t)) branches and gives each first token its proportional share of
    them, by systematic sampling, so that every share is right on average and off by less than 1.
    """
    wanted = tokens[_KEY].assign(
        n=np.ceil(rollouts * (1 - tokens["sampler_probability"]) - 1e-9).astype(int),
        offset=seeds,
    )
    return allocate(wanted, alternatives)


def allocate(wanted: pd.DataFrame, alternatives: pd.DataFrame) -> pd.DataFrame:
    """Share ``n`` branches of each prefix (trace_id, t, n, offset) among its alternatives."""
    rows = alternatives.merge(wanted[wanted["n"] > 0], on=_KEY, how="inner")
    rows = rows.sort_values([*_KEY, "token_id"], ignore_index=True)
    uncovered = wanted[wanted["n"] > 0].merge(
        rows[_KEY].drop_duplicates(), how="left", indicator=True
    )
    if (uncovered["_merge"] == "left_only").any():
        first = uncovered[uncovered["_merge"] == "left_only"].iloc[0]
        raise ValueError(
            f"{first.trace_id}: token {first.t} has a sampler probability below 1 but no "
            "alternative; the scores and the alternatives do not belong together"
        )
    groups = rows.groupby(_KEY, sort=False)["probability"]
    upper = groups.cumsum() / groups.transform("sum")
    # The last of a group is exactly n whatever the rounding of its sum.
    upper = np.where(rows.duplicated(_KEY, keep="last"), upper, 1.0)
    reached = np.floor(upper * rows["n"] + rows["offset"]).astype(int)
    previous = np.where(rows.duplicated(_KEY), np.append(0, reached[:-1]), 0)
    planned = rows[_KEY].assign(first_token_id=rows["token_id"], rollouts=reached - previous)
    return planned[planned["rollouts"] > 0].reset_index(drop=True)


def estimate(traces: pd.DataFrame, tokens: pd.DataFrame, branches: pd.DataFrame) -> pd.DataFrame:
    """Potential before and after every token, from counts of its branches.

    One row per token: trace_id, t, before (V_{t-1}), after (V_t), variance (of ``before``),
    drop_se. Success of the branches is smoothed toward one half (Jeffreys) for its variance only,
    so that few branches never claim certainty.
    """
    rows = _aligned(traces, tokens, branches)
    length = rows["length"].to_numpy()
    q = rows["sampler_probability"].to_numpy()
    n = rows["rollouts"].to_numpy()
    if ((q < 1) & (n == 0)).any():
        first = rows[(q < 1) & (n == 0)].iloc[0]
        raise ValueError(
            f"{first.trace_id}: token {first.t} has a sampler probability of "
            f"{first.sampler_probability:.4g} but no branches; roll out the branches again"
        )
    drawn = np.maximum(n, 1)
    mean = rows["successes"].to_numpy() / drawn
    smooth = (rows["successes"].to_numpy() + 0.5) / (drawn + 1)
    branch_variance = np.where(q < 1, smooth * (1 - smooth) / drawn, 0.0)
    # Rows of all traces that are equally far from their end move together.
    from_end = length - rows["t"].to_numpy()
    order = np.argsort(from_end, kind="stable")
    starts = np.searchsorted(from_end[order], np.arange(length.max() + 1))
    before, after, variance, drop_variance = (np.empty(len(rows)) for _ in range(4))
    trace = rows["trace"].to_numpy()
    value = rows.groupby("trace")["verdict"].first().to_numpy(dtype=float)
    spread = np.zeros(len(value))
    for start, end in itertools.pairwise(starts):
        at = order[start:end]
        who = trace[at]
        after[at] = value[who]
        drop_variance[at] = (1 - q[at]) ** 2 * (branch_variance[at] + spread[who])
        value[who] = q[at] * value[who] + (1 - q[at]) * mean[at]
        spread[who] = q[at] ** 2 * spread[who] + (1 - q[at]) ** 2 * branch_variance[at]
        before[at], variance[at] = value[who], spread[who]
    return rows[_KEY].assign(
        before=before, after=after, variance=variance, drop_se=np.sqrt(drop_variance)
    )


def _aligned(traces: pd.DataFrame, tokens: pd.DataFrame, branches: pd.DataFrame) -> pd.DataFrame:
    """A row per token with its branch counts, its trace's number, length and verdict."""
    trace_of = pd.DataFrame(
        {
            "trace_id": traces["trace_id"],
            "trace": np.arange(len(traces)),
            "length": traces["token_ids"].map(len),
            "verdict": traces["verdict"].eq("correct"),
        }
    )
    rows = tokens[[*_KEY, "token_id", "sampler_probability"]].merge(trace_of, on="trace_id")
    measured = rows.groupby("trace_id")["t"].agg(["size", "max"])
    expected = trace_of.set_index("trace_id")["length"]
    wrong = expected.index[~expected.index.isin(measured.index)].tolist() or [
        trace_id for trace_id, row in measured.iterrows()
        if not row["size"] == row["max"] == expected[trace_id]
    ]  # fmt: skip
    if wrong or len(rows) != len(tokens):
        raise ValueError(
            f"{wrong[0] if wrong else tokens['trace_id'].iloc[0]}: traces and scores do not "
            "belong together (other tokens or other traces); score the traces again"
        )
    outside = ~rows["sampler_probability"].between(0, 1)
    if outside.any():
        first = rows[outside].iloc[0]
        raise ValueError(
            f"{first.trace_id}: token {first.t}: expected a sampler probability in [0, 1], "
            f"found {first.sampler_probability}"
        )
    counted = branches.merge(rows[[*_KEY, "token_id"]], on=_KEY, how="left", indicator=True)
    if (counted["_merge"] == "left_only").any():
        first = counted[counted["_merge"] == "left_only"].iloc[0]
        raise ValueError(f"{first.trace_id}: branches at token {first.t}, which has no score")
    own = counted["first_token_id"] == counted["token_id"]
    if own.any():
        first = counted[own].iloc[0]
        raise ValueError(
            f"{first.trace_id}: a branch at token {first.t} begins with the trace's own token "
            f"{first.token_id}; a branch leaves the trace"
        )
    sums = branches.groupby(_KEY, as_index=False)[["successes", "rollouts"]].sum()
    rows = rows.merge(sums, on=_KEY, how="left")
    return rows.fillna({"successes": 0, "rollouts": 0})
