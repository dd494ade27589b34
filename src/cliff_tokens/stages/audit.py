"""The audit of a catalogue of cliffs that the published rule found (docs/estimators.md).

A drop cannot exceed 1 - q_t, the probability that the sampler would have left the trace. Where
that is at most the margin no cliff is possible, whatever was counted. Where q_t = 1 the two
potentials are equal: every flag there is false, a built-in negative control. The resampling arms
are counts that did not select the cliff: the same rule applied to them confirms it or does not,
and their drop does not carry the luck of the selected one.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cliff_tokens.exhibits.summaries import (
    POOLED,
    mean_columns,
    names_or_all,
    owners_of,
    share_columns,
)
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.arms import fresh_drops
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals, unpooled_error

# Labels beside the kinds: tokens that the sampler could not, and could, have replaced.
CERTAIN, FREE = "q = 1", "q < 1"


def audit(
    cliffs: pd.DataFrame,
    potential: pd.DataFrame,
    estimates: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
) -> pd.DataFrame:
    """What speaks for and against every cliff: rows of the ``audit`` table.

    All tables are those of the estimator ``independent``; the false-discovery rate is over all
    tokens of ``estimates``.
    """
    tested = estimates[["trace_id", "t"]].assign(p_exact=exact_p(potential, estimates))
    tested["q_fdr"] = stats.false_discovery_control(tested["p_exact"]) if len(tested) else 0.0
    audited = cliffs.merge(tested, on=["trace_id", "t"], how="left", validate="1:1")
    if audited["p_exact"].isna().any():
        first = audited.loc[audited["p_exact"].isna(), "cliff_id"].iloc[0]
        raise ValueError(f"{first}: not among the tokens that were tested; detect the cliffs again")
    audited = fresh_drops(audited, resampling, test)
    audited["bound"] = 1 - audited["sampler_probability"]
    audited["possible"] = audited["bound"] > test.margin
    audited["selected_drop"] = audited["before"] - audited["after"]
    return audited[
        [
            "cliff_id", "model", "dataset", "problem_id", "kind", "outcome", "bound", "possible",
            "p_exact", "q_fdr", "selected_drop", "fresh_drop", "fresh_se", "confirmed",
        ]
    ]  # fmt: skip


def exact_p(potential: pd.DataFrame, estimates: pd.DataFrame) -> np.ndarray:
    """Fisher's exact one-sided p of "the potential did not fall", in the order of ``estimates``.

    The verdict after the last token counts as rollouts that agree, which is conservative.
    """
    counted = potential.assign(t=potential["t"] + 1)[["trace_id", "t", "rollouts"]]
    rollouts = estimates[["trace_id", "t"]].merge(counted, on=["trace_id", "t"], how="left")
    if rollouts["rollouts"].isna().any():
        first = rollouts[rollouts["rollouts"].isna()].iloc[0]
        raise ValueError(
            f"{first.trace_id}: token {first.t} has an estimate but no counts; "
            "estimate the potential again"
        )
    n = rollouts["rollouts"].to_numpy().astype(int)
    before, after = (np.rint(estimates[name].to_numpy() * n) for name in ("before", "after"))
    table = np.column_stack([n, before, after]).astype(int)
    # There are far fewer pairs of counts than tokens.
    unique, places = np.unique(table, axis=0, return_inverse=True)
    n, before, after = unique.T
    p = stats.hypergeom.sf(before - 1, 2 * n, before + after, n)
    return np.clip(p, 0, 1)[places]


def chance(estimates: pd.DataFrame, rollouts: int, test: CliffTest) -> np.ndarray:
    """Probability that a token is flagged although the potential did not change.

    Given the sum of its two counts, which says nothing on their difference, the first is
    hypergeometric whatever the potential is. The verdict after the last token is no draw: if
    nothing changed there, all rollouts agree with it.
    """
    sums = np.arange(2 * rollouts + 1)[:, None]
    before = np.arange(rollouts + 1)[None, :]
    drop = (2 * before - sums) / rollouts
    # Outside the support the error may be that of no count at all, at a probability of 0.
    with np.errstate(invalid="ignore"):
        flags = test.flags(drop, unpooled_error(before, sums - before, rollouts))
    probability = stats.hypergeom.pmf(before, 2 * rollouts, sums, rollouts)
    flagged = (flags * probability).sum(axis=1)
    found = np.rint((estimates["before"] + estimates["after"]).to_numpy() * rollouts).astype(int)
    last = estimates["t"] == estimates.groupby("trace_id")["t"].transform("max")
    return np.where(last, 0.0, flagged[found])


def summarize(
    audited: pd.DataFrame,
    estimates: pd.DataFrame,
    tokens: pd.DataFrame,
    rollouts: int,
    test: CliffTest,
    certain: float,
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Flags per model and kind, and what the audit says of them.

    ``kind`` is a kind, "all", or "q = 1" and "q < 1": the negative control, where every flag is
    false, and all other tokens. ``n`` counts the flags among ``tokens`` tokens and ``rate`` is
    their ratio. ``by_chance`` is the number of flags expected if no token changed the potential,
    ``share_by_chance`` its ratio to n (at most 1), and the two drops are means over the flags.
    """
    tested = estimates.merge(tokens, on=["trace_id", "t"], how="left", validate="1:1")
    (owners,) = owners_of(tested)
    tested["model"], tested["cluster"] = owners["model"], owners["cluster"]
    tested["chance"] = chance(tested, rollouts, test)
    tested["kind"] = taxonomy.kinds(tested["entropy"], tested["rank"], certain)
    tested["free"] = tested["sampler_probability"] < 1
    tested["cliff_id"] = tested["trace_id"] + "@" + tested["t"].astype(str)
    tested["flagged"] = tested["cliff_id"].isin(audited["cliff_id"])
    found = audited.merge(tested[["cliff_id", "cluster", "free"]], on="cliff_id", validate="1:1")
    if len(found) != len(audited):
        first = min(set(audited["cliff_id"]) - set(found["cliff_id"]))
        raise ValueError(f"{first}: was audited but has no estimate; audit the cliffs again")
    models = names_or_all(models, tested["model"])

    def inside(frame: pd.DataFrame, model: str, kind: str) -> pd.DataFrame:
        frame = frame[frame["model"].isin(models if model == POOLED else [model])]
        if kind in (CERTAIN, FREE):
            return frame[frame["free"] == (kind == FREE)]
        return frame if kind == POOLED else frame[frame["kind"] == kind]

    rows = []
    for model in [*models, POOLED]:
        for kind in [*taxonomy.KINDS, POOLED, CERTAIN, FREE]:
            every, flags = inside(tested, model, kind), inside(found, model, kind)
            by_chance, cluster = float(every["chance"].sum()), flags["cluster"]
            rows.append(
                {
                    "model": model,
                    "kind": kind,
                    "tokens": len(every),
                    "n": len(flags),
                    **share_columns("rate", every["flagged"], every["cluster"], intervals),
                    "by_chance": by_chance,
                    "share_by_chance": min(1.0, by_chance / len(flags)) if len(flags) else np.nan,
                    "impossible": int((~flags["possible"]).sum()),
                    **share_columns("share_impossible", ~flags["possible"], cluster, intervals),
                    "unconfirmed": int((~flags["confirmed"]).sum()),
                    **share_columns("share_unconfirmed", ~flags["confirmed"], cluster, intervals),
                    **mean_columns("selected_drop", flags["selected_drop"], cluster, intervals),
                    **mean_columns("fresh_drop", flags["fresh_drop"], cluster, intervals),
                }
            )
    return pd.DataFrame(rows)
