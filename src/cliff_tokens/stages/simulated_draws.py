"""What estimators would have drawn, simulated from a reference that is taken for the truth.

With V_t known well, counts from a binomial at V_t are what independent rollouts would have given,
at no rollout's cost and as often as one likes; likewise for branches, and for where rollouts leave
their trace. Here the reference *is* the truth, so that a simulated flag is false without doubt.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.recursion import (
    as_branches,
    estimate_recursive,
    estimate_recycled,
    plan_branches,
    plan_second_round,
    rows_by_step,
)
from cliff_tokens.stages.simulation import estimates_of_counts
from cliff_tokens.tables import PLACE, require


@dataclass(frozen=True)
class Truth:
    """A reference and the traces it is of: tables of the same traces.

    Args:
        traces: rows of the table.
        tokens: rows of the table.
        alternatives: rows of the table.
        reference: estimates of the reference.
        branches: branches that were drawn for it.
    """

    traces: pd.DataFrame
    tokens: pd.DataFrame
    alternatives: pd.DataFrame
    reference: pd.DataFrame
    branches: pd.DataFrame

    @cached_property
    def lengths(self) -> pd.DataFrame:
        """``expected_lengths``: the same in every pass."""
        return expected_lengths(self.tokens, self.branches)


def simulate(
    estimator: str, truth: Truth, protocol: Protocol, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimates of one pass of an estimator, and what it generated: trace_id, generated_tokens."""
    if estimator in ("independent", "recycled"):
        spent = truth.lengths
        spent = spent.assign(generated_tokens=protocol.rollouts * spent["length"])
        if estimator == "independent":
            return draw_independent(truth.reference, protocol.rollouts, rng), spent
        leavers = draw_leavers(truth, protocol.rollouts, rng)
        return estimate_recycled(truth.traces, truth.tokens, leavers), spent
    branches = draw_branches(truth, protocol.branches, rng)
    if estimator == "adaptive":
        more = draw_second_round(truth, branches, protocol.second_round, rng)
        branches = pd.concat([branches, more], ignore_index=True)
    return estimate_recursive(truth.traces, truth.tokens, branches), branches


def draw_independent(
    reference: pd.DataFrame, rollouts: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Estimates from ``rollouts`` independent rollouts at every prefix, sorted by token."""
    ordered = reference.sort_values(PLACE, ignore_index=True)
    drawn = rng.binomial(rollouts, np.clip(ordered["before"], 0, 1))
    return estimates_of_counts(ordered, drawn, rollouts)


def draw_leavers(truth: Truth, rollouts: int, rng: np.random.Generator) -> pd.DataFrame:
    """Rollouts that leave the trace at each token, of ``rollouts`` from every prefix.

    Columns trace_id, t, rollouts, successes, as ``recursion.leavers_of`` gives them. A leaver
    succeeds as often as the reference's branches of its token.
    """
    sums = truth.branches.groupby(PLACE)[["successes", "rollouts"]].sum()
    share = (sums["successes"] / sums["rollouts"]).rename("share")
    rows = truth.tokens[[*PLACE, "sampler_probability"]].join(share, on=PLACE).sort_values(PLACE)
    trace_of, traces = pd.factorize(rows["trace_id"])
    other = np.clip(1 - rows["sampler_probability"].to_numpy(), 0, 1)
    left, following = (np.zeros(size, dtype=np.int64) for size in (len(rows), len(traces)))
    for at in rows_by_step(rows["t"].to_numpy() - 1):
        # Those that start here, and those from earlier prefixes that have followed the trace.
        following[trace_of[at]] += rollouts
        left[at] = rng.binomial(following[trace_of[at]], other[at])
        following[trace_of[at]] -= left[at]
    successes = rng.binomial(left, rows["share"].fillna(0.0))
    return rows[PLACE].assign(rollouts=left, successes=successes)[left > 0]


def draw_branches(truth: Truth, rollouts: int, rng: np.random.Generator) -> pd.DataFrame:
    """Branches that the recursion with N = ``rollouts`` would draw, with successes and tokens.

    A branch succeeds as often, and is as long, as the reference's branches with the same first
    token; where those took none of so rare a token, as all of that prefix.
    """
    seed = int(rng.integers(2**31))
    plan = plan_branches(truth.tokens, truth.alternatives, rollouts, seed, "simulation")
    return _drawn(plan, truth.branches, rng)


def draw_second_round(
    truth: Truth, branches: pd.DataFrame, share: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Branches that a second round would draw after these, likewise."""
    seed = int(rng.integers(2**31))
    plan = plan_second_round(
        branches, truth.tokens, truth.alternatives, share=share, seed=seed, draws="simulation"
    )
    return _drawn(plan, truth.branches, rng)


def expected_lengths(tokens: pd.DataFrame, reference_branches: pd.DataFrame) -> pd.DataFrame:
    """Expected tokens of a rollout from the prefix before each token, column ``length``.

    By the recursion of the potential: L_{t-1} = 1 + q_t L_t + (1 - q_t) G_t, where G_t is the mean
    length of the branches after their first token.
    """
    sums = reference_branches.groupby(PLACE)[["generated_tokens", "rollouts"]].sum()
    mean = (sums["generated_tokens"] / sums["rollouts"]).rename("mean")
    rows = tokens[[*PLACE, "sampler_probability"]].join(mean, on=PLACE).sort_values(PLACE)
    q, other = rows["sampler_probability"].to_numpy(), rows["mean"].fillna(0).to_numpy()
    trace_of, traces = pd.factorize(rows["trace_id"])
    rest = rows.groupby("trace_id")["t"].transform("max") - rows["t"]
    lengths, after = np.empty(len(rows)), np.zeros(len(traces))
    for at in rows_by_step(rest.to_numpy()):
        lengths[at] = 1 + q[at] * after[trace_of[at]] + (1 - q[at]) * other[at]
        after[trace_of[at]] = lengths[at]
    return rows[PLACE].assign(length=lengths)


def _drawn(
    plan: pd.DataFrame, reference_branches: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """The planned branches, with successes and tokens by the rates of the reference's."""
    planned = as_branches(plan)[[*PLACE, "first_token_id", "rollouts"]]
    share, length = _rates_of(planned, reference_branches)
    return planned.assign(
        successes=rng.binomial(planned["rollouts"], share),
        generated_tokens=planned["rollouts"] * length,
    )


def _rates_of(planned: pd.DataFrame, reference_branches: pd.DataFrame) -> tuple[pd.Series, ...]:
    """Success share and mean length of each planned branch, from the reference's."""
    columns = ["successes", "generated_tokens", "rollouts"]
    by_token = reference_branches.set_index([*PLACE, "first_token_id"])[columns]
    by_prefix = reference_branches.groupby(PLACE)[columns].sum()
    counts = planned.join(by_token.add_suffix("_token"), on=[*PLACE, "first_token_id"])
    counts = counts.join(by_prefix.add_suffix("_prefix"), on=PLACE)
    drawn = counts["rollouts_prefix"].notna()
    require(counts, drawn, "{trace_id}: the reference has no branches at token {t}")
    return tuple(
        (counts[f"{column}_token"] / counts["rollouts_token"]).fillna(
            counts[f"{column}_prefix"] / counts["rollouts_prefix"]
        )
        for column in ("successes", "generated_tokens")
    )
