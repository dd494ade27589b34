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
from cliff_tokens.tables import PLACE, among, require


def plan_branches(
    tokens: pd.DataFrame, alternatives: pd.DataFrame, count: int, seed: int, draws: str
) -> pd.DataFrame:
    """Branches of every first token: rows of the ``plans`` table.

    Args:
        tokens: rows of the table.
        alternatives: rows of the table, of the same traces.
        count: N, the branches of a prefix at which the sampler always leaves the trace.
        seed: of the run; keys the rounding of the shares of first tokens.
        draws: what these branches are called; other branches of a trace are other draws.
    """
    n = branches_of(tokens["sampler_probability"].to_numpy(), count)
    wanted = tokens[PLACE].assign(n=n, offset=_offsets(tokens, seed, draws))
    return _planned(allocate(wanted, alternatives), draws)


def branches_of(q: np.ndarray, count: int) -> np.ndarray:
    """Branches that a prefix draws for N = ``count``: ceil(N (1 - q_t)), none only at q_t = 1."""
    # The 1e-9 keeps rounding in 1 - q from adding a branch.
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
        share: branches of this round over those of the first round.
        seed: of the run; keys the rounding of the shares of first tokens.
        draws: what these branches are called.
    """
    budget = round(share * branches["rollouts"].sum())
    rows = estimates.merge(tokens[[*PLACE, "sampler_probability"]], on=PLACE)
    rows = rows.merge(_sums(branches), on=PLACE, how="left").fillna({"successes": 0, "rollouts": 0})
    rows = rows.sort_values(PLACE, ignore_index=True)
    other = 1 - rows["sampler_probability"].to_numpy()
    distance = (rows["before"] - rows["after"] - test.margin).abs()
    is_open = ((other > test.margin) & (distance < test.z * rows["drop_se"])).to_numpy()
    trace_of, _ = pd.factorize(rows["trace_id"])
    # What Var V_t counts for, carried from the open tokens before t to the end of the trace.
    carried = np.zeros(trace_of.max() + 1)
    weight = np.empty(len(rows))
    for at in _steps(rows["t"].to_numpy() - 1):
        trace, square = trace_of[at], other[at] ** 2
        weight[at] = square * (is_open[at] + carried[trace])
        carried[trace] = (1 - other[at]) ** 2 * carried[trace] + is_open[at] * square
    smooth = (rows["successes"] + 0.5) / (rows["rollouts"] + 1)
    worth = np.sqrt(weight * smooth * (1 - smooth)).to_numpy()
    n = np.rint(budget * worth / worth.sum()).astype(int) if worth.sum() else np.zeros(len(rows))
    wanted = rows[PLACE].assign(n=n, offset=_offsets(rows, seed, draws))
    return _planned(allocate(wanted, alternatives), draws)


def collect_branches(plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``branches`` table, from what was planned and drawn."""
    return as_branches(join(plan, rollouts))[[*PLACE, "first_token_id", *COUNTS]]


def as_branches(plan: pd.DataFrame) -> pd.DataFrame:
    """The rows of a plan of branches by the token that they leave at, t, and their first token."""
    rows = plan.rename(columns={"token_id": "first_token_id"})
    return rows.astype({"first_token_id": "int64"}).assign(t=rows["prefix_t"] + 1)


def _planned(allocated: pd.DataFrame, draws: str) -> pd.DataFrame:
    """Allocated branches as rows of the ``plans`` table."""
    keys = [(draws, *row) for row in allocated[[*PLACE, "token_id"]].itertuples(index=False)]
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
    wanted = wanted[wanted["n"] > 0]
    rows = alternatives.merge(wanted, on=PLACE, how="inner")
    rows = rows.sort_values([*PLACE, "token_id"], ignore_index=True)
    require(
        wanted,
        among(wanted, rows, PLACE),
        "{trace_id}: token {t} has a sampler probability below 1 but no alternative; the scores "
        "and the alternatives do not belong together",
    )
    groups = rows.groupby(PLACE, sort=False)["probability"]
    upper = groups.cumsum() / groups.transform("sum")
    # The last of a group is exactly n whatever the rounding of its sum.
    upper = np.where(rows.duplicated(PLACE, keep="last"), upper, 1.0)
    reached = np.floor(upper * rows["n"] + rows["offset"]).astype(int)
    previous = np.where(rows.duplicated(PLACE), np.append(0, reached[:-1]), 0)
    planned = rows[[*PLACE, "token_id"]].assign(rollouts=reached - previous)
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
    require(
        rows,
        (q == 1) | (n > 0),
        "{trace_id}: token {t} has a sampler probability of {sampler_probability:.4g} but no "
        "branches; roll out the branches again",
    )
    drawn = np.maximum(n, 1)
    mean = rows["successes"].to_numpy() / drawn
    smooth = (rows["successes"].to_numpy() + 0.5) / (drawn + 1)
    branch_variance = np.where(q < 1, smooth * (1 - smooth) / drawn, 0.0)
    before, after, variance, drop_variance = (np.empty(len(rows)) for _ in range(4))
    trace_of = rows["trace"].to_numpy()
    # V_t of every trace and its variance, from the end of the trace to its beginning.
    v = rows.groupby("trace")["verdict"].first().to_numpy(dtype=float)
    var_v = np.zeros(len(v))
    for at in _steps(rows["length"].to_numpy() - rows["t"].to_numpy()):
        trace = trace_of[at]
        after[at] = v[trace]
        drop_variance[at] = (1 - q[at]) ** 2 * (branch_variance[at] + var_v[trace])
        v[trace] = q[at] * v[trace] + (1 - q[at]) * mean[at]
        var_v[trace] = q[at] ** 2 * var_v[trace] + (1 - q[at]) ** 2 * branch_variance[at]
        before[at], variance[at] = v[trace], var_v[trace]
    return rows[PLACE].assign(
        before=before, after=after, before_se=np.sqrt(variance), drop_se=np.sqrt(drop_variance)
    )


def _steps(step: np.ndarray) -> Iterator[np.ndarray]:
    """Rows at step 0, at step 1, ...: rows of all traces that a recursion takes together."""
    order = np.argsort(step, kind="stable")
    starts = np.searchsorted(step[order], np.arange(step.max() + 2))
    for start, end in itertools.pairwise(starts):
        yield order[start:end]


def _sums(branches: pd.DataFrame) -> pd.DataFrame:
    """Successes and rollouts of all branches of a token, whatever their first token."""
    return branches.groupby(PLACE, as_index=False)[["successes", "rollouts"]].sum()


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
    scores = tokens[[*PLACE, "token_id", "sampler_probability"]]
    rows = written.merge(scores, on=[*PLACE, "token_id"], how="outer", indicator=True)
    require(
        rows,
        rows["_merge"] == "both",
        "{trace_id}: traces and scores do not belong together: token {t} is not the same in both; "
        "score the traces again",
    )
    rows = rows.drop(columns="_merge")
    require(
        rows,
        rows["sampler_probability"].between(0, 1),
        "{trace_id}: token {t}: expected a sampler probability in [0, 1], "
        "found {sampler_probability}",
    )
    counted = branches.merge(rows[[*PLACE, "token_id"]], on=PLACE, how="left")
    scored = counted["token_id"].notna()
    require(counted, scored, "{trace_id}: branches at token {t}, which has no score")
    require(
        counted,
        counted["first_token_id"] != counted["token_id"],
        "{trace_id}: a branch at token {t} begins with the trace's own token {first_token_id}; "
        "a branch leaves the trace",
    )
    rows = rows.merge(_sums(branches), on=PLACE, how="left")
    return rows.fillna({"successes": 0, "rollouts": 0})
