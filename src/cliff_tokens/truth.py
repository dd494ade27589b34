"""Estimators and catalogues against a reference: the same traces, many times the rollouts.

The reference is an estimate by recursion with N in the thousands (docs/estimators.md), whose own
error is stored with it. With V_t known that well, counts drawn from a binomial at V_t are what
the published protocol would have measured, at no rollout's cost and as often as one likes.
"""

import numpy as np
import pandas as pd

from cliff_tokens import recursion, taxonomy
from cliff_tokens.statistics import unpooled_error

_KEY = ["trace_id", "t"]


def rmse(estimates: pd.DataFrame, reference: pd.DataFrame) -> float:
    """Root mean square difference of the potentials before every token from the reference's.

    The reference's own variance is taken off, so that its noise is not charged to the estimator.
    """
    both = estimates.merge(reference, on=_KEY, suffixes=("", "_reference"), validate="1:1")
    square = (both["before"] - both["before_reference"]) ** 2
    return float(np.sqrt(max(0.0, (square - both["before_se_reference"] ** 2).mean())))


def score(
    cliffs: pd.DataFrame,
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    margin: float,
    certain: float,
) -> pd.DataFrame:
    """Flags and true drops per kind: kind, flags, true_flags, true_drops.

    A drop is true if the reference puts it above the margin.
    """
    known = reference.merge(tokens[[*_KEY, "entropy", "rank"]], on=_KEY)
    known["kind"] = taxonomy.kinds(known["entropy"], known["rank"], certain)
    known["true"] = known["before"] - known["after"] > margin
    known["flagged"] = pd.MultiIndex.from_frame(known[_KEY]).isin(
        pd.MultiIndex.from_frame(cliffs[_KEY])
    )
    return pd.DataFrame(
        {
            "kind": kind,
            "flags": int(cell["flagged"].sum()),
            "true_flags": int((cell["flagged"] & cell["true"]).sum()),
            "true_drops": int(cell["true"].sum()),
        }
        for kind, cell in ((kind, known[known["kind"] == kind]) for kind in taxonomy.KINDS)
    )


def simulate_independent(
    reference: pd.DataFrame, rollouts: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Estimates that ``rollouts`` independent rollouts at every prefix would give."""
    ordered = reference.sort_values(_KEY, ignore_index=True)
    before = rng.binomial(rollouts, np.clip(ordered["before"], 0, 1))
    last = ordered["trace_id"].ne(ordered["trace_id"].shift(-1)).to_numpy()
    # The potential after a token is the one before the next; the last is the verdict, exact.
    after = np.where(last, rollouts * ordered["after"].to_numpy(), np.append(before[1:], 0))
    return ordered[_KEY].assign(
        before=before / rollouts,
        after=after / rollouts,
        drop_se=unpooled_error(before, after, rollouts),
    )


def simulate_recursive(
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    reference_branches: pd.DataFrame,
    rollouts: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimates and branches that the recursion with N = ``rollouts`` would give.

    A branch succeeds as often as the reference's branches with the same first token did; where
    those took none of so rare a token, as often as all of that prefix.
    """
    planned = recursion.plan(tokens, alternatives, rollouts, seed, "simulation")
    own = reference_branches.assign(
        share=reference_branches["successes"] / reference_branches["rollouts"]
    )[[*_KEY, "first_token_id", "share"]]
    sums = reference_branches.groupby(_KEY)[["successes", "rollouts"]].sum()
    overall = (sums["successes"] / sums["rollouts"]).rename("overall")
    planned = planned.merge(own, on=[*_KEY, "first_token_id"], how="left").join(overall, on=_KEY)
    share = planned["share"].fillna(planned["overall"])
    rng = np.random.default_rng([seed, rollouts])
    planned["successes"] = rng.binomial(planned["rollouts"], share)
    return recursion.estimate(traces, tokens, planned), planned
