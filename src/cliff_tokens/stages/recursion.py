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
from cliff_tokens.stages.rollouts import COUNTS, LEAVING, join, make_plan
from cliff_tokens.tables import PLACE, among, require

# Successes, and failures, that variances count besides: the fewest with which the rule keeps to its
# level at a drop of the margin whatever q is (docs/estimators.md).
PSEUDO = 3


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
    branches: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    *,
    share: float,
    seed: int,
    draws: str,
) -> pd.DataFrame:
    """Branches that make the potential most accurate for their tokens: rows of ``plans``.

    With n_u branches at u, each of variance S_u and L_u tokens long, the potentials' variances add
    up to the sum of w_u S_u / n_u over u. For a number of tokens that is least where n_u is in
    proportion to sqrt(w_u S_u / L_u) (docs/estimators.md). The round brings n_u there, first and
    second round together, where the first did not go beyond.

    Args:
        branches: of the first round.
        tokens: rows of the table.
        alternatives: rows of the table.
        share: tokens of this round over those of the first.
        seed: of the run; keys the rounding of the shares of first tokens.
        draws: what these branches are called.
    """
    rows = _with_sums(tokens[[*PLACE, "sampler_probability"]], branches, "generated_tokens")
    rows = rows.sort_values(PLACE, ignore_index=True)
    t, q = rows["t"].to_numpy(), rows["sampler_probability"].to_numpy()
    n = rows["rollouts"].to_numpy()
    # x_t and the first token of a branch are two draws given that they differ, so the rest of the
    # trace is one more draw of a branch's length. 1 is for a branch that is over at once.
    rest = rows.groupby("trace_id")["t"].transform("max").to_numpy() - t
    length = 1 + (rows["generated_tokens"].to_numpy() + rest) / (n + 1)
    # Few branches are smoothed less than for an error: no more is claimed than where to look.
    smooth = (rows["successes"].to_numpy() + 0.5) / (n + 1)
    worth = (1 - q) * np.sqrt(counted_for(t, q) * smooth * (1 - smooth) / length)
    wanted = _filled(worth, n, length, share * (n * length).sum())
    wanted = rows[PLACE].assign(n=wanted - n, offset=_offsets(rows, seed, draws))
    return _planned(allocate(wanted, alternatives), draws)


def counted_for(t: np.ndarray, q: np.ndarray) -> np.ndarray:
    """How many potentials a branch at each token bears on: 1 + q_{t-1}^2 (1 + q_{t-2}^2 (1 + ..)).

    It counts fully for the one before its token, and by the squares of the q between for earlier
    ones. ``t`` and ``q`` are of whole traces, in order.
    """
    counted = np.ones(len(t))
    for at in itertools.islice(rows_by_step(t - 1), 1, None):
        counted[at] += q[at - 1] ** 2 * counted[at - 1]
    return counted


def _filled(worth: np.ndarray, n: np.ndarray, length: np.ndarray, budget: float) -> np.ndarray:
    """Branches in proportion to ``worth``, or ``n`` where that is more, for a budget of tokens."""
    of_worth = np.flatnonzero(worth > 0)
    if not len(of_worth):
        return n
    has = n[of_worth] / worth[of_worth]
    order = of_worth[np.argsort(has, kind="stable")]
    # The first k of the order get factor times their worth, if that is more than they have.
    spent, cost = (np.cumsum(length[order] * of[order]) for of in (n, worth))
    factor = (budget + spent) / cost
    factor = factor[np.flatnonzero(factor > np.sort(has))[-1]]
    return np.maximum(n, np.rint(factor * worth))


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

    Rows of the ``estimates`` table. Success of the branches is smoothed toward one half for its
    variance only, so that few branches never claim certainty.
    """
    rows = _aligned(traces, tokens)
    counted = branches.merge(rows[[*PLACE, "token_id"]], on=PLACE, how="left")
    scored = counted["token_id"].notna()
    require(counted, scored, "{trace_id}: branches at token {t}, which has no score")
    require(
        counted,
        counted["first_token_id"] != counted["token_id"],
        "{trace_id}: a branch at token {t} begins with the trace's own token {first_token_id}; "
        "a branch leaves the trace",
    )
    rows = _with_sums(rows, branches)
    require(
        rows,
        (rows["sampler_probability"] == 1) | (rows["rollouts"] > 0),
        "{trace_id}: token {t} has a sampler probability of {sampler_probability:.4g} but no "
        "branches; roll out the branches again",
    )
    return _backward(rows)


def estimate_recycled(
    traces: pd.DataFrame, tokens: pd.DataFrame, leavers: pd.DataFrame
) -> pd.DataFrame:
    """Potential before and after every token, from where independent rollouts leave the trace.

    Rows of the ``estimates`` table; ``leavers`` are rows of ``leavers_of``. A rollout from any
    prefix that leaves the trace at token t is, given that, a branch of t. Of a token at which none
    left nothing is known: it is taken to change nothing, and the most that it could have changed
    counts as an error.
    """
    rows = _aligned(traces, tokens)
    scored = among(leavers, rows, PLACE)
    require(leavers, scored, "{trace_id}: rollouts leave at token {t}, which has no score")
    return _backward(_with_sums(rows, leavers))


def leavers_of(potential: pd.DataFrame) -> pd.DataFrame:
    """Rollouts that leave the trace at a token, from all prefixes before it, and their successes.

    Columns trace_id, t, successes, rollouts; a row for every token at which any leave.
    """
    rows = potential[["trace_id", *LEAVING]].explode(list(LEAVING)).dropna()
    rows = rows.rename(columns=dict(zip(LEAVING, ("t", "rollouts", "successes"), strict=True)))
    numbers = dict.fromkeys(("t", "rollouts", "successes"), "int64")
    return rows.astype(numbers).groupby(PLACE, as_index=False).sum()


def unsmoothed_errors(
    traces: pd.DataFrame, tokens: pd.DataFrame, branches: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the ``estimates`` table whose squared errors are right on average over many tokens.

    For sums, to which smoothing would add a little each time; single errors can be zero. Branches
    of one round are shared among first tokens nearly as these are probable, so that what varies is
    the success within each (docs/estimators.md, formula 7). First tokens of one branch each, which
    says nothing of its variance, are taken together.
    """
    rows = _with_sums(_aligned(traces, tokens), branches)
    first = branches["first_token_id"].where(branches["rollouts"] > 1, -1)
    sums = branches.assign(first=first).groupby([*PLACE, "first"], as_index=False)
    sums = sums[["successes", "rollouts"]].sum()
    n, share = sums["rollouts"], sums["successes"] / sums["rollouts"]
    sums["spread"] = np.where(n > 1, n**2 * share * (1 - share) / (n - 1).clip(lower=1), 1 / 4)
    spread = rows[PLACE].merge(sums.groupby(PLACE, as_index=False)["spread"].sum(), how="left")
    return _backward(rows, spread["spread"].fillna(0) / rows["rollouts"].clip(lower=1) ** 2)


def _backward(rows: pd.DataFrame, branch_variance: pd.Series | None = None) -> pd.DataFrame:
    """The recursion from the end of each trace, over rows of ``_aligned`` with their sums.

    ``branch_variance`` is that of the share of successes of each row, None the smoothed one.
    """
    q = rows["sampler_probability"].to_numpy()
    n, successes = rows["rollouts"].to_numpy(), rows["successes"].to_numpy()
    drawn = np.maximum(n, 1)
    mean = successes / drawn
    if branch_variance is None:
        smooth = smoothed(successes, n)
        branch_variance = pd.Series(smooth * (1 - smooth) / drawn)
    branch_variance = branch_variance.to_numpy()
    before, after, variance, drop_variance = (np.empty(len(rows)) for _ in range(4))
    trace_of = rows["trace"].to_numpy()
    # V_t of every trace and its variance, from the end of the trace to its beginning.
    v = rows.groupby("trace")["verdict"].first().to_numpy(dtype=float)
    var_v = np.zeros(len(v))
    for at in rows_by_step(rows["length"].to_numpy() - rows["t"].to_numpy()):
        trace, other = trace_of[at], 1 - q[at]
        after[at] = v[trace]
        # Where nothing was drawn, V_t stands for B_t, from which it is no farther than from 0 or 1.
        b = np.where(n[at] > 0, mean[at], after[at])
        farthest = np.maximum(after[at], 1 - after[at])
        var_b = np.where(n[at] > 0, branch_variance[at], farthest**2)
        drop_variance[at] = other**2 * (var_b + var_v[trace])
        v[trace] = q[at] * after[at] + other * b
        var_v[trace] = q[at] ** 2 * var_v[trace] + other**2 * var_b
        before[at], variance[at] = v[trace], var_v[trace]
    return rows[PLACE].assign(
        before=before, after=after, before_se=np.sqrt(variance), drop_se=np.sqrt(drop_variance)
    )


def smoothed(successes: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The share of successes that variances take: nearer to one half than what was drawn."""
    return (successes + PSEUDO) / (n + 2 * PSEUDO)


def rows_by_step(step: np.ndarray) -> Iterator[np.ndarray]:
    """Places of the rows at step 0, 1, ..: those of all traces that a recursion takes together."""
    order = np.argsort(step, kind="stable")
    starts = np.searchsorted(step[order], np.arange(step.max() + 2))
    for start, end in itertools.pairwise(starts):
        yield order[start:end]


def _with_sums(rows: pd.DataFrame, counts: pd.DataFrame, *more: str) -> pd.DataFrame:
    """The rows with successes, rollouts and ``more`` of all counts of a token, 0 if it has none."""
    columns = ["successes", "rollouts", *more]
    sums = counts.groupby(PLACE, as_index=False)[columns].sum()
    return rows.merge(sums, on=PLACE, how="left").fillna(dict.fromkeys(columns, 0))


def _aligned(traces: pd.DataFrame, tokens: pd.DataFrame) -> pd.DataFrame:
    """A row per token with its score, its trace's number, length and verdict."""
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
    return rows
