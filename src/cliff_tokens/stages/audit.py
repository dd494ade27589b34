"""The audit of a catalogue of cliffs that the published rule found (docs/estimators.md).

A drop cannot exceed 1 - q_t, the probability that the sampler would have left the trace. Where
that is at most the margin no cliff is possible, whatever was counted. Where q_t = 1 the two
potentials are equal: every flag there is false, a built-in negative control. The resampling arms
are counts that did not select the cliff: the same rule applied to them confirms it or does not,
and their drop does not carry the luck of the selected one.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cliff_tokens.stages.arms import fresh_drops
from cliff_tokens.stages.cliff_test import CliffTest, flag_probability
from cliff_tokens.statistics import fisher_p, unpooled_error

# Of every audit, with fresh rollouts or without.
_AUDITED = [
    "cliff_id", "model", "dataset", "problem_id", "kind", "outcome", "bound", "possible",
    "p_exact", "q_fdr", "selected_drop",
]  # fmt: skip


def audit(
    cliffs: pd.DataFrame,
    potential: pd.DataFrame,
    estimates: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
) -> pd.DataFrame:
    """What speaks for and against every cliff: rows of the ``audit`` table.

    Args:
        cliffs: those of the estimator ``independent``, as all tables that follow.
        potential: counts at prefixes.
        estimates: of every token that was tested; the false-discovery rate is over all of them.
        resampling: arms of the cliffs, the fresh counts.
        test: the rule that selected the cliffs.
    """
    audited = _weighed(cliffs, potential, estimates, test)
    audited = fresh_drops(audited, resampling, test)
    return audited[[*_AUDITED, "fresh_drop", "fresh_se", "confirmed"]]


def audit_published(
    cliffs: pd.DataFrame, potential: pd.DataFrame, estimates: pd.DataFrame, test: CliffTest
) -> pd.DataFrame:
    """What speaks for and against cliffs without fresh arms: rows of ``published_audit``.

    In the place of the arms stand the other counts of the forced runs before and after a cliff,
    which did not select it: columns successes and rollouts, ``..._before`` and ``..._after``, of
    ``cliffs``. Where a run has no other count nothing is said.
    """
    audited = _weighed(cliffs, potential, estimates, test)
    told = audited["rollouts_before"].gt(0) & audited["rollouts_after"].gt(0)
    sides = [
        audited[f"{name}_{side}"].where(told, 1)
        for side in ("before", "after")
        for name in ("successes", "rollouts")
    ]
    before, rollouts, after, more = sides
    drop, error = before / rollouts - after / more, unpooled_error(before, after, rollouts, more)
    audited["rest_drop"] = drop.where(told)
    audited["rest_se"] = pd.Series(error, audited.index).where(told)
    flagged = pd.Series(test.flags(drop, error), audited.index).astype("boolean")
    audited["confirmed"] = flagged.where(told)
    return audited[[*_AUDITED, "rest_drop", "rest_se", "confirmed"]]


def _weighed(
    cliffs: pd.DataFrame, potential: pd.DataFrame, estimates: pd.DataFrame, test: CliffTest
) -> pd.DataFrame:
    """Cliffs with what their own counts and q_t say: bound, possible, exact p, its FDR."""
    tested = estimates[["trace_id", "t"]].assign(p_exact=exact_p(potential, estimates))
    tested["q_fdr"] = stats.false_discovery_control(tested["p_exact"]) if len(tested) else 0.0
    audited = cliffs.merge(tested, on=["trace_id", "t"], how="left", validate="1:1")
    if audited["p_exact"].isna().any():
        first = audited.loc[audited["p_exact"].isna(), "cliff_id"].iloc[0]
        raise ValueError(f"{first}: not among the tokens that were tested; detect the cliffs again")
    audited["bound"] = 1 - audited["sampler_probability"]
    audited["possible"] = audited["bound"] > test.margin
    audited["selected_drop"] = audited["before"] - audited["after"]
    return audited


def exact_p(potential: pd.DataFrame, estimates: pd.DataFrame) -> np.ndarray:
    """Fisher's exact one-sided p of "the potential did not fall", in the order of ``estimates``.

    The verdict after the last token counts as rollouts that agree, which is conservative.
    """
    counted = potential.set_index(["trace_id", "t"])["rollouts"]
    rows = estimates[["trace_id", "t"]]
    rollouts = rows.assign(t=rows["t"] - 1).join(counted, on=["trace_id", "t"])["rollouts"]
    if rollouts.isna().any():
        first = rows[rollouts.isna()].iloc[0]
        raise ValueError(
            f"{first.trace_id}: token {first.t} has an estimate but no counts; "
            "estimate the potential again"
        )
    more = rows.join(counted, on=["trace_id", "t"])["rollouts"].fillna(rollouts).to_numpy()
    n = rollouts.to_numpy()
    before, after = np.rint(estimates["before"] * n), np.rint(estimates["after"] * more)
    return fisher_p(before, after, n, more)


def chance(estimates: pd.DataFrame, rollouts: int, test: CliffTest) -> np.ndarray:
    """Probability that a token is flagged although the potential did not change.

    The verdict after the last token is no draw: if nothing changed there, all rollouts agree with
    it.
    """
    sums = np.rint((estimates["before"] + estimates["after"]).to_numpy() * rollouts).astype(int)
    last = estimates["t"] == estimates.groupby("trace_id")["t"].transform("max")
    return np.where(last, 0.0, flag_probability(test, sums, rollouts, rollouts))
