"""The audit of a catalogue of cliffs that the published rule found (docs/estimators.md).

A drop cannot exceed 1 - q_t, the probability that the sampler would have left the trace. Where
that is at most the margin no cliff is possible, whatever was counted; where q_t = 1 the two
potentials are equal, so the rule's flags there are all false and their rate is the rule's own.
The resampling arms are counts that did not select the cliff: the same rule applied to them
confirms it or does not, and their drop does not carry the luck of the selected one.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cliff_tokens.statistics import unpooled_error


def audit(
    cliffs: pd.DataFrame,
    potential: pd.DataFrame,
    estimates: pd.DataFrame,
    resampling: pd.DataFrame,
    *,
    margin: float,
    z: float,
) -> pd.DataFrame:
    """What speaks for and against every cliff: rows of the ``audit`` table.

    ``potential`` and ``estimates`` are those of the estimator ``independent``; the false-discovery
    rate is over all tokens tested in them.
    """
    tested = estimates[["trace_id", "t"]].copy()
    tested["p_exact"] = exact_p(potential, estimates)
    tested["q_fdr"] = stats.false_discovery_control(tested["p_exact"]) if len(tested) else []
    found = cliffs.merge(tested, on=["trace_id", "t"], how="left", validate="1:1")
    arms = resampling[resampling["arm"].isin(["del", "keep"])]
    counts = arms.pivot(index="cliff_id", columns="arm", values="successes")
    counts["rollouts"] = arms.groupby("cliff_id")["rollouts"].first()
    found = found.join(counts, on="cliff_id")
    if found[["del", "keep"]].isna().to_numpy().any():
        first = found.loc[found[["del", "keep"]].isna().any(axis=1), "cliff_id"].iloc[0]
        raise ValueError(f"{first}: has no fresh rollouts; resample the cliffs again")
    found["bound"] = 1 - found["sampler_probability"]
    found["possible"] = found["bound"] > margin
    found["selected_drop"] = found["before"] - found["after"]
    found["fresh_drop"] = (found["del"] - found["keep"]) / found["rollouts"]
    found["fresh_se"] = unpooled_error(found["del"], found["keep"], found["rollouts"])
    found["confirmed"] = found["fresh_drop"] > margin + z * found["fresh_se"]
    return found[
        [
            "cliff_id", "model", "dataset", "problem_id", "kind", "outcome", "bound", "possible",
            "p_exact", "q_fdr", "selected_drop", "fresh_drop", "fresh_se", "confirmed",
        ]
    ]  # fmt: skip


def exact_p(potential: pd.DataFrame, estimates: pd.DataFrame) -> np.ndarray:
    """Fisher's exact one-sided p of "the potential did not fall", in the order of ``estimates``."""
    rollouts = estimates.assign(t=estimates["t"] - 1).merge(
        potential[["trace_id", "t", "rollouts"]], on=["trace_id", "t"], how="left"
    )["rollouts"]
    if rollouts.isna().any():
        raise ValueError("audit: estimates without counts; they are not of the same rollouts")
    table = pd.DataFrame(
        {
            "n": rollouts.to_numpy().astype(int),
            "before": np.rint(estimates["before"].to_numpy() * rollouts.to_numpy()).astype(int),
            "after": np.rint(estimates["after"].to_numpy() * rollouts.to_numpy()).astype(int),
        }
    )
    unique, places = np.unique(table.to_numpy(), axis=0, return_inverse=True)
    n, before, after = unique.T
    p = stats.hypergeom.sf(before - 1, 2 * n, before + after, n)
    return np.clip(p, 0, 1)[places]


def negative_control(estimates: pd.DataFrame, tokens: pd.DataFrame, cliffs: pd.DataFrame) -> dict:
    """The rule's flags on tokens that cannot change the potential, and what they imply.

    ``rate`` is flags per token with q_t = 1; ``implied_false`` the flags it would give among the
    other tokens, if their potentials are spread alike. Tokens of a trace whose potential is 0 or 1
    throughout are tested but can hardly be flagged, in either group.
    """
    certain = tokens[["trace_id", "t", "sampler_probability"]].merge(
        estimates, on=["trace_id", "t"]
    )
    certain = certain["sampler_probability"] == 1
    flags = int((cliffs["sampler_probability"] == 1).sum())
    rate = flags / certain.sum() if certain.sum() else np.nan
    return {
        "certain_tokens": int(certain.sum()),
        "certain_flags": flags,
        "rate": rate,
        "implied_false": rate * int((~certain).sum()),
    }
