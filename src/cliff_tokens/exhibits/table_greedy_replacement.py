"""The greedy token in the cliff token's place, on incorrect traces, by kind."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, problems_of, share_columns
from cliff_tokens.stages.arms import average_alternative, join_arms
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals
from cliff_tokens.tables import require

_GREEDY = ["successes", "rollouts", "is_sampled"]


def values(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    shortfall: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every model, kind and reading, the last of models and kinds pooled.

    The reading (column ``basis``) says which potentials before and after the cliff the greedy
    one is compared with: those that selected the cliff, as published, or those of the fresh
    arms del and keep. Case A falls short of the potential before by less than ``shortfall``.
    ``recovery`` is the summed gain over the kept cliff to the summed drop, NaN where that is
    none; ``mean_ratio``, the published mean of each cliff's own quotient, needs drops that
    cannot be zero. ``advantage`` is the greedy token less the average alternative, by the fresh
    arms, over the ``compared`` cliffs whose token is not the greedy one: that any alternative leads
    further on average is identity (2).

    Args:
        candidates: those at the cliffs, the greedy one among them.
        cliffs: rows of the table; those on correct traces are left out.
        resampling: the arms del and keep of the cliffs.
        shortfall: of the potential before the cliff, from which on a case is B.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    chosen = join_arms(cliffs[cliffs["outcome"].eq("incorrect")], resampling)
    greedy = candidates[candidates["is_greedy"]].set_index("cliff_id")
    chosen = chosen.join(greedy[_GREEDY].add_suffix("_greedy"), on="cliff_id")
    listed = chosen["rollouts_greedy"].notna()
    require(chosen, listed, "{cliff_id}: has no greedy candidate; estimate the candidates again")
    chosen = chosen.assign(
        cluster=problems_of(chosen),
        greedy=chosen["successes_greedy"] / chosen["rollouts_greedy"],
        before_selected=chosen["before"],
        after_selected=chosen["after"],
        before_fresh=chosen["successes_del"] / chosen["rollouts_del"],
        after_fresh=chosen["successes_keep"] / chosen["rollouts_keep"],
        average=average_alternative(chosen),
    )
    return pd.DataFrame(
        {**labels, "basis": reading, **_columns(cell, reading, shortfall, intervals)}
        for labels, cell in cells(chosen, pooled=["model", "kind"], model=models, kind=KINDS)
        for reading in ("selected", "fresh")
    )


def _columns(cell: pd.DataFrame, reading: str, shortfall: float, intervals: Intervals) -> dict:
    before, after, cluster = cell[f"before_{reading}"], cell[f"after_{reading}"], cell["cluster"]
    drop, gain, short = before - after, cell["greedy"] - after, before - cell["greedy"]
    case_a = short < shortfall
    # Fresh drops can be zero, and their quotients anything.
    has_ratio = np.full(len(cell), reading == "selected")
    # Without a drop in all there is nothing to recover.
    has_drop = np.full(len(cell), drop.sum() > 0)
    replaced = cell["is_sampled_greedy"].eq(False) & (reading == "fresh")
    advantage = (cell["greedy"] - cell["average"])[replaced]
    return {
        "n": len(cell),
        "case_a": int(case_a.sum()),
        "case_b": int((~case_a).sum()),
        **share_columns("share_a", case_a, cluster, intervals),
        **mean_columns("shortfall", short, cluster, intervals),
        **mean_columns(
            "recovery", gain[has_drop], cluster[has_drop], intervals, weights=drop[has_drop]
        ),
        **mean_columns("mean_ratio", (gain / drop)[has_ratio], cluster[has_ratio], intervals),
        "compared": int(replaced.sum()),
        **mean_columns("advantage", advantage, cluster[replaced], intervals),
    }
