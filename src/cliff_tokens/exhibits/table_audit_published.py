"""Cliffs in the published rollouts per model and kind, and what the audit says of them."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import mean_columns, share_columns
from cliff_tokens.exhibits.table_audit import flags_of, rows_by_kind, tested_tokens
from cliff_tokens.stages.cliff_test import CliffTest, flag_probability
from cliff_tokens.stages.taxonomy import kinds
from cliff_tokens.statistics import Intervals


def values(
    audit: pd.DataFrame,
    pooled: pd.DataFrame,
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

    ``kind`` is a kind, "all", or "q = 1" and "q < 1": tokens that the sampler could not, and could,
    have replaced. ``n`` counts the cliffs among ``tokens`` tokens that were tested. Of them are
    ``impossible`` and ``kept`` (by the false-discovery rate), and ``left`` are those that are
    possible and kept. ``told`` have other counts in the forced runs around them, and of those
    ``confirmed``. ``pooled`` counts the tokens that the rule flags by the counts of whole runs.

    Args:
        audit: what speaks for and against every cliff.
        pooled: cliffs by the counts of forced runs.
        estimates: potentials around every token that was tested.
        tokens: every token of the traces.
        traces: who wrote the tokens, to which problem.
        rollouts: draws at every prefix.
        test: the rule.
        certain: probability whose binary entropy divides the kinds.
        intervals: how intervals are made; the false-discovery rate is at most 1 - confidence.
        models: in the order of the rows.
    """
    tested = tested_tokens(audit, estimates, tokens, traces)
    sums = np.rint((tested["before"] + tested["after"]) * rollouts).astype(int)
    tested["chance"] = flag_probability(test, sums.to_numpy(), rollouts, rollouts)
    tested["kind"] = kinds(tested["entropy"], tested["rank"], certain)
    tested["pooled"] = tested["cliff_id"].isin(pooled["cliff_id"])
    flags = flags_of(audit, tested)
    flags["kept"] = flags["q_fdr"] <= 1 - intervals.confidence
    return rows_by_kind(tested, flags, models, partial(_row, intervals=intervals))


def _row(tested: pd.DataFrame, flags: pd.DataFrame, intervals: Intervals) -> dict:
    """Columns of one cell: its tokens, and the cliffs among them."""
    told = flags[flags["confirmed"].notna()]
    by_chance = float(tested["chance"].sum())
    return {
        "tokens": len(tested),
        "n": len(flags),
        **share_columns("rate", tested["flagged"], tested["cluster"], intervals),
        "by_chance": by_chance,
        "beyond_chance": len(flags) - by_chance,
        "impossible": int((~flags["possible"]).sum()),
        **share_columns("share_impossible", ~flags["possible"], flags["cluster"], intervals),
        "kept": int(flags["kept"].sum()),
        "left": int((flags["kept"] & flags["possible"]).sum()),
        **mean_columns("selected_drop", flags["selected_drop"], flags["cluster"], intervals),
        "told": len(told),
        "confirmed": int(told["confirmed"].sum()),
        **mean_columns("rest_drop", told["rest_drop"], told["cluster"], intervals),
        "pooled": int(tested["pooled"].sum()),
    }
