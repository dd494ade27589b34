"""Flags of the published rule per model and kind, and what the audit says of them."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import scipy

from cliff_tokens.exhibits.cells import POOLED, cells, mean_columns, owned, share_columns
from cliff_tokens.stages.audit import chance
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import KINDS, kinds
from cliff_tokens.statistics import DIFFERENCE, Intervals, fisher_p
from cliff_tokens.tables import PLACE

# Labels beside the kinds: tokens that the sampler could not, and could, have replaced.
CERTAIN, FREE = "q = 1", "q < 1"


def values(
    audit: pd.DataFrame,
    estimates: pd.DataFrame,
    tokens: pd.DataFrame,
    traces: pd.DataFrame,
    rollouts: int,
    test: CliffTest,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and kind, pooled over models.

    ``kind`` is a kind, "all", or "q = 1" and "q < 1": the negative control, where every flag is
    false, and all other tokens. ``n`` counts the flags among ``tokens`` tokens and ``rate`` is
    their ratio. ``by_chance`` is the number of flags expected if no token changed the potential,
    ``chance_over_flags`` its ratio to n, and the two drops are means over the flags. ``kept`` is
    how many the false-discovery rate keeps, over all tokens of the run with q < 1. Of the flags
    whose fresh drop exceeds the margin (``above_margin``) the rule would miss
    ``expected_unconfirmed`` in fresh rollouts, were these their true drops.

    Args:
        audit: what speaks for and against every flag.
        estimates: potentials around every token, from independent rollouts.
        tokens: every token of the traces.
        traces: who wrote the tokens, to which problem.
        rollouts: draws at every prefix.
        test: the rule.
        certain: probability whose binary entropy divides the kinds.
        intervals: how intervals are made; the false-discovery rate is at most 1 - confidence.
        models: in the order of the rows.
    """
    tested = tested_tokens(audit, estimates, tokens, traces)
    tested["chance"] = chance(tested, rollouts, test)
    tested["kind"] = kinds(tested["entropy"], tested["rank"], certain)
    flags = flags_of(audit, tested)
    kept = discoveries(tested, rollouts) <= 1 - intervals.confidence
    flags["kept"] = flags["cliff_id"].isin(tested.loc[kept, "cliff_id"])
    flags["above_margin"] = flags["fresh_drop"] > test.margin
    flags["missed"] = chance_to_miss(flags["fresh_drop"], flags["fresh_se"], test)
    return rows_by_kind(tested, flags, models, partial(_row, intervals=intervals))


def discoveries(tested: pd.DataFrame, rollouts: int) -> pd.Series:
    """Benjamini and Hochberg's q of every tested token; 1 where q_t = 1, which is no hypothesis.

    The family is all tokens of the run that the sampler could have replaced. p is Fisher's exact
    one of no fall, with as many rollouts on both sides of a token.
    """
    free = tested["free"]
    before, after = (np.rint(tested.loc[free, side] * rollouts) for side in ("before", "after"))
    drawn = np.full(len(before), rollouts)
    found = pd.Series(1.0, tested.index)
    if free.any():
        p = fisher_p(before.to_numpy(), after.to_numpy(), drawn, drawn)
        found[free] = scipy.stats.false_discovery_control(p)
    return found


def chance_to_miss(drop: pd.Series, error: pd.Series, test: CliffTest) -> np.ndarray:
    """Chance that the rule does not flag a true drop, estimated with this standard error.

    Normal approximation; a drop without any error is found for certain.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (drop - test.margin) / error
    return scipy.special.ndtr(test.z - distance.to_numpy())


def flags_of(audit: pd.DataFrame, tested: pd.DataFrame) -> pd.DataFrame:
    """The audited cliffs with ``cluster`` and ``free`` of their tokens in ``tested_tokens``."""
    flags = audit.merge(tested[["cliff_id", "cluster", "free"]], on="cliff_id", validate="1:1")
    if len(flags) != len(audit):
        first = min(set(audit["cliff_id"]) - set(flags["cliff_id"]))
        raise ValueError(f"{first}: was audited but has no estimate; audit the cliffs again")
    return flags


def rows_by_kind(
    tested: pd.DataFrame, flags: pd.DataFrame, models: Sequence[str], row: Callable
) -> pd.DataFrame:
    """For every model and kind the columns that ``row`` makes of its tokens and its flags."""
    rows = []
    for (labels, every), (_, own) in zip(
        cells(tested, pooled=["model"], model=models),
        cells(flags, pooled=["model"], model=models),
        strict=True,
    ):
        for kind in [*KINDS, POOLED, CERTAIN, FREE]:
            rows.append({**labels, "kind": kind, **row(of_kind(every, kind), of_kind(own, kind))})
    return pd.DataFrame(rows)


def tested_tokens(
    audit: pd.DataFrame, estimates: pd.DataFrame, tokens: pd.DataFrame, traces: pd.DataFrame
) -> pd.DataFrame:
    """Every token that was tested, whether it was flagged, and whether it could be replaced."""
    scores = tokens[["trace_id", "t", "entropy", "rank", "sampler_probability"]]
    tested = owned(estimates, traces).merge(scores, on=PLACE, how="left", validate="1:1")
    tested["free"] = tested["sampler_probability"] < 1
    tested["cliff_id"] = tested["trace_id"] + "@" + tested["t"].astype(str)
    return tested.assign(flagged=tested["cliff_id"].isin(audit["cliff_id"]))


def of_kind(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    if kind in (CERTAIN, FREE):
        return frame[frame["free"] == (kind == FREE)]
    return frame if kind == POOLED else frame[frame["kind"] == kind]


def _row(tested: pd.DataFrame, flags: pd.DataFrame, intervals: Intervals) -> dict:
    """Columns of one cell: its tokens, and the flags among them."""
    by_chance, problem = float(tested["chance"].sum()), flags["cluster"]

    def drop(column: str) -> dict:
        return mean_columns(column, flags[column], problem, intervals, limits=DIFFERENCE)

    return {
        "tokens": len(tested),
        "n": len(flags),
        **share_columns("rate", tested["flagged"], tested["cluster"], intervals),
        "by_chance": by_chance,
        "chance_over_flags": by_chance / len(flags) if len(flags) else np.nan,
        "impossible": int((~flags["possible"]).sum()),
        **share_columns("share_impossible", ~flags["possible"], problem, intervals),
        "unconfirmed": int((~flags["confirmed"]).sum()),
        **share_columns("share_unconfirmed", ~flags["confirmed"], problem, intervals),
        "above_margin": int(flags["above_margin"].sum()),
        "expected_unconfirmed": float(flags.loc[flags["above_margin"], "missed"].sum()),
        "kept": int(flags["kept"].sum()),
        **drop("selected_drop"),
        **drop("fresh_drop"),
    }
