"""What estimators would have drawn, simulated from a reference that is taken for the truth.

With V_t known well, counts from a binomial at V_t are what independent rollouts would have given,
at no rollout's cost and as often as one likes; likewise for branches. Here the reference *is* the
truth, so that a simulated flag is false without doubt.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.recursion import as_branches, plan_branches
from cliff_tokens.stages.simulation import estimates_of_counts
from cliff_tokens.tables import PLACE, require


def draw_independent(
    reference: pd.DataFrame, rollouts: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Estimates from ``rollouts`` independent rollouts at every prefix, sorted by token."""
    ordered = reference.sort_values(PLACE, ignore_index=True)
    drawn = rng.binomial(rollouts, np.clip(ordered["before"], 0, 1))
    return estimates_of_counts(ordered, drawn, rollouts)


def draw_branches(
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    reference_branches: pd.DataFrame,
    rollouts: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Branches that the recursion with N = ``rollouts`` would draw, with successes and tokens.

    A branch succeeds as often, and is as long, as the reference's branches with the same first
    token; where those took none of so rare a token, as all of that prefix.

    Args:
        tokens: rows of the table.
        alternatives: rows of the table.
        reference_branches: branches that were drawn for the reference.
        rollouts: N of the recursion.
        rng: rounds the shares of first tokens, and draws the successes.
    """
    seed = int(rng.integers(2**31))
    planned = as_branches(plan_branches(tokens, alternatives, rollouts, seed, "simulation"))
    planned = planned[[*PLACE, "first_token_id", "rollouts"]]
    share, length = _rates_of(planned, reference_branches)
    return planned.assign(
        successes=rng.binomial(planned["rollouts"], share),
        generated_tokens=planned["rollouts"] * length,
    )


def expected_lengths(tokens: pd.DataFrame, reference_branches: pd.DataFrame) -> pd.DataFrame:
    """Expected tokens of a rollout from the prefix before each token, column ``length``.

    By the recursion of the potential: L_{t-1} = 1 + q_t L_t + (1 - q_t) G_t, where G_t is the mean
    length of the branches after their first token.
    """
    sums = reference_branches.groupby(PLACE)[["generated_tokens", "rollouts"]].sum()
    mean = (sums["generated_tokens"] / sums["rollouts"]).rename("mean")
    rows = tokens[[*PLACE, "sampler_probability"]].join(mean, on=PLACE).sort_values(PLACE)
    q, other = rows["sampler_probability"].to_numpy(), rows["mean"].fillna(0).to_numpy()
    last = rows["trace_id"].ne(rows["trace_id"].shift(-1)).to_numpy()
    lengths, after = np.empty(len(rows)), 0.0
    for row in range(len(rows) - 1, -1, -1):
        after = 1 + q[row] * (0.0 if last[row] else after) + (1 - q[row]) * other[row]
        lengths[row] = after
    return rows[PLACE].assign(length=lengths)


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
