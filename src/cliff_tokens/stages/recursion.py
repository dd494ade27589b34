"""Potential by recursion: what a token can change is known before any rollout is drawn.

With q_t the probability that the sampler gives x_t after prefix t-1, and B_t the success of a
rollout from prefix t-1 whose first token is drawn from the sampler given that it is not x_t,

    V_{t-1} = q_t V_t + (1 - q_t) B_t     and     V_{t-1} - V_t = (1 - q_t)(B_t - V_t).

One teacher-forced pass gives q_t. Only the B_t need rollouts (*branches*), N (1 - q_t) of them
instead of N, and none where q_t = 1. From the end, where V_T is the verdict of the trace,

    Var V_{t-1} = q_t^2 Var V_t + (1 - q_t)^2 Var B_t,
    Var (V_{t-1} - V_t) = (1 - q_t)^2 (Var B_t + Var V_t),

since branches of different prefixes are independent. With at least N (1 - q_t) branches at every
t, their first tokens drawn independently, Var V_t <= V_t (1 - V_t) / N: never less accurate than
N independent rollouts at each prefix. docs/estimators.md has the proof and the fine print.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from cliff_tokens.policies import sampling
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan

_KEY = ["trace_id", "t"]


def plan_branches(
    tokens: pd.DataFrame, alternatives: pd.DataFrame, count: int, seed: int, draws: str
) -> pd.DataFrame:
    """Branches of every first token: rows of the ``plans`` table.

    Args:
        tokens: rows of the table.
        alternatives: rows of the table, of the same traces.
        count: N, what a prefix would take if the sampler always left the trace.
        seed: of the run; keys the rounding of the shares of first tokens.
        draws: what these branches are called; other branches of a trace are other draws.
    """
    n = branches_of(tokens["sampler_probability"].to_numpy(), count)
    wanted = tokens[_KEY].assign(n=n, offset=_offsets(tokens, seed, draws))
    return _planned(allocate(wanted, alternatives), draws)


def branches_of(q: np.ndarray, count: int) -> np.ndarray:
    """Branches that a prefix draws for N = ``count``: ceil(N (1 - q_t)), none only at q_t = 1."""
    # The small number keeps rounding in 1 - q from adding a branch.
    return np.where(q < 1, np.maximum(1, np.ceil(count * (1 - q) - 1e-9)), 0).astype(int)


def plan_second_round(
    estimates: pd.DataFrame,
    branches: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    test: CliffTest,
    *,
    share: float,
    seed: int,
    draws: str,
) -> pd.DataFrame:
    """Branches that say most of drops that the first round left open: rows of ``plans``.

    A drop is open if it could exceed the margin (1 - q_t > margin) and the margin lies within
    z standard errors of it. The branches are shared so as to minimize the sum of the open drops'
    variances: branch n_u in proportion to sqrt(w_u Var_1 B_u), where w_u is what a unit of Var B_u
    adds to that sum, at its own token and, through V_t, at open tokens before it.

    Args:
        estimates: of the first round.
        branches: of the first round.
        tokens: rows of the table.
        alternatives: rows of the table.
        test: the rule, whose margin and z say which drops are open.
        share: branches of this round, in shares of the first round's.
        seed: of the run; keys the rounding of the shares of first tokens.
        draws: what these branches are called.
    """
    budget = round(share * branches["rollouts"].sum())
    rows = estimates.merge(tokens[[*_KEY, "sampler_probability"]], on=_KEY)
    rows = rows.merge(_sums(branches), on=_KEY, how="left").fillna({"successes": 0, "rollouts": 0})
    rows = rows.sort_values(_KEY, ignore_index=True)
    other = 1 - rows["sampler_probability"].to_numpy()
    distance = (rows["before"] - rows["after"] - test.margin).abs()
    is_open = ((other > test.margin) & (distance < test.z * rows["drop_se"])).to_numpy()
    trace, _ = pd.factorize(rows["trace_id"])
    # What Var V_t counts for, carried from the open tokens before t to the end of the trace.
    carried = np.zeros(trace.max() + 1)
    weight = np.empty(len(rows))
    for at in _steps(rows["t"].to_numpy() - 1):
        who, own = trace[at], other[at] ** 2
        weight[at] = own * (is_open[at] + carried[who])
        carried[who] = (1 - other[at]) ** 2 * carried[who] + is_open[at] * own
    smooth = (rows["successes"] + 0.5) / (rows["rollouts"] + 1)
    worth = np.sqrt(weight * smooth * (1 - smooth)).to_numpy()
    n = np.rint(budget * worth / worth.sum()).astype(int) if worth.sum() else np.zeros(len(rows))
    wanted = rows[_KEY].assign(n=n, offset=_offsets(rows, seed, draws))
    return _planned(allocate(wanted, alternatives), draws)


def collect_branches(plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``branches`` table, from what was planned and drawn."""
    return as_branches(join(plan, rollouts))[[*_KEY, "first_token_id", *COUNTS]]


def as_branches(plan: pd.DataFrame) -> pd.DataFrame:
    """The rows of a plan of branches by the token that they leave at, t, and their first token."""
    rows = plan.rename(columns={"token_id": "first_token_id"})
    return rows.astype({"first_token_id": "int64"}).assign(t=rows["prefix_t"] + 1)


def _planned(allocated: pd.DataFrame, draws: str) -> pd.DataFrame:
    """Allocated branches as rows of the ``plans`` table."""
    keys = [(draws, *row) for row in allocated[[*_KEY, "token_id"]].itertuples(index=False)]
    return make_plan(allocated.assign(prefix_t=allocated["t"] - 1), keys)


def _offsets(tokens: pd.DataFrame, seed: int, draws: str) -> np.ndarray:
    """A uniform number for every token, keyed by the seed, the draws, the trace and t."""
    traces, places = np.unique(tokens["trace_id"].to_numpy(dtype=str), return_inverse=True)
    named = np.array([sampling.stream(seed, "offset", draws, trace) for trace in traces])
    return sampling.uniforms(named[places], tokens["t"].to_numpy())


def allocate(wanted: pd.DataFrame, alternatives: pd.DataFrame) -> pd.DataFrame:
    """Share the ``n`` branches of each row of ``wanted`` (trace_id, t, n, offset).

    Systematic sampling in proportion to the sampler's probabilities: the share of every first
    token is right on average and off by less than 1.
    """
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
    planned = rows[[*_KEY, "token_id"]].assign(rollouts=reached - previous)
    return planned[planned["rollouts"] > 0].reset_index(drop=True)


def estimate_recursive(
    traces: pd.DataFrame, tokens: pd.DataFrame, branches: pd.DataFrame
) -> pd.DataFrame:
    """Potential before and after every token, from counts of its branches.

    Rows of the ``estimates`` table. Success of the branches is smoothed toward one half
    (Jeffreys) for its variance only, so that few branches never claim certainty.
    """
    rows = _aligned(traces, tokens, branches)
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
    before, after, variance, drop_variance = (np.empty(len(rows)) for _ in range(4))
    trace = rows["trace"].to_numpy()
    value = rows.groupby("trace")["verdict"].first().to_numpy(dtype=float)
    spread = np.zeros(len(value))
    for at in _steps(rows["length"].to_numpy() - rows["t"].to_numpy()):
        who = trace[at]
        after[at] = value[who]
        drop_variance[at] = (1 - q[at]) ** 2 * (branch_variance[at] + spread[who])
        value[who] = q[at] * value[who] + (1 - q[at]) * mean[at]
        spread[who] = q[at] ** 2 * spread[who] + (1 - q[at]) ** 2 * branch_variance[at]
        before[at], variance[at] = value[who], spread[who]
    return rows[_KEY].assign(
        before=before, after=after, before_se=np.sqrt(variance), drop_se=np.sqrt(drop_variance)
    )


def _steps(step: np.ndarray) -> Iterator[np.ndarray]:
    """Rows at step 0, at step 1, ...: rows of all traces that a recursion takes together."""
    order = np.argsort(step, kind="stable")
    starts = np.searchsorted(step[order], np.arange(step.max() + 2))
    for start, end in itertools.pairwise(starts):
        yield order[start:end]


def _sums(branches: pd.DataFrame) -> pd.DataFrame:
    return branches.groupby(_KEY, as_index=False)[["successes", "rollouts"]].sum()


def _aligned(traces: pd.DataFrame, tokens: pd.DataFrame, branches: pd.DataFrame) -> pd.DataFrame:
    """A row per token with its branch counts, its trace's number, length and verdict."""
    lengths = traces["token_ids"].map(len).to_numpy()
    trace = np.repeat(np.arange(len(traces)), lengths)
    written = pd.DataFrame(
        {
            "trace_id": traces["trace_id"].to_numpy()[trace],
            "t": np.arange(len(trace)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1,
            "token_id": np.concatenate(traces["token_ids"].to_list()),
            "trace": trace,
            "length": lengths[trace],
            "verdict": traces["verdict"].eq("correct").to_numpy()[trace],
        }
    )
    scored = tokens[[*_KEY, "token_id", "sampler_probability"]]
    rows = written.merge(scored, on=[*_KEY, "token_id"], how="outer", indicator=True)
    apart = rows[rows["_merge"] != "both"]
    if len(apart):
        raise ValueError(
            f"{apart['trace_id'].iloc[0]}: traces and scores do not belong together: token "
            f"{apart['t'].iloc[0]} is not the same in both; score the traces again"
        )
    rows = rows.drop(columns="_merge")
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
    rows = rows.merge(_sums(branches), on=_KEY, how="left")
    return rows.fillna({"successes": 0, "rollouts": 0})
