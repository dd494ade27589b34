"""How far trainings move the tokens at cliffs that nothing was trained on.

A cliff counts once: its log-probabilities are means over training seeds and, of the tokens that
are preferred to it, over these. Problems are resampled. A variant that had no pairs has n = 0.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, problems_of
from cliff_tokens.stages.shifts import CHOSEN, CLIFF
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import SHARE, Intervals

_CLIFF = ["model", "variant", "cliff_id", "dataset", "problem_id", "kind"]


def shifts_by_kind(
    shifts: pd.DataFrame, intervals: Intervals, models: Sequence[str], variants: Sequence[str]
) -> pd.DataFrame:
    """A row for every model, variant and kind, and for all kinds.

    ``before`` and ``after`` are mean probabilities of the cliff tokens, ``shift`` and
    ``chosen_shift`` mean changes of log-probability, of the cliff token and of those preferred to
    it, ``margin`` the second less the first, over the ``paired`` cliffs that have both.

    Args:
        shifts: rows of the table, with the model of each.
        intervals: how intervals are made.
        models: rows of the result, in this order.
        variants: likewise.
    """
    frame = shifts.assign(
        shift=shifts["after"] - shifts["before"],
        before=np.exp(shifts["before"]),
        after=np.exp(shifts["after"]),
    )
    means = {
        role: frame[frame["role"].eq(role)].groupby(_CLIFF)[["before", "after", "shift"]].mean()
        for role in (CLIFF, CHOSEN)
    }
    chosen = means[CHOSEN]["shift"].rename("chosen_shift")
    cliffs = means[CLIFF].join(chosen).reset_index()
    cliffs["margin"] = cliffs["chosen_shift"] - cliffs["shift"]
    cliffs["cluster"] = problems_of(cliffs)
    seeds = frame.groupby(["model", "variant"])["seed"].nunique()
    kinds = [kind for kind in KINDS if kind != "other" or cliffs["kind"].eq(kind).any()]
    rows = []
    axes = {"model": models, "variant": variants, "kind": kinds}
    for labels, cell in cells(cliffs, pooled=["kind"], **axes):
        both = cell.dropna(subset=["chosen_shift"])
        row = labels | {
            "n": len(cell),
            "problems": cell["cluster"].nunique(),
            "seeds": int(seeds.get((labels["model"], labels["variant"]), 0)),
            "paired": len(both),
        }
        for name in ("before", "after"):
            row |= mean_columns(name, cell[name], cell["cluster"], intervals, limits=SHARE)
        row |= mean_columns("shift", cell["shift"], cell["cluster"], intervals)
        for name in ("chosen_shift", "margin"):
            row |= mean_columns(name, both[name], both["cluster"], intervals)
        rows.append(row)
    return pd.DataFrame(rows)
