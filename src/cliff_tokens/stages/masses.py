"""Cliff mass: how much of the probability at a cliff leads over it (paper, RQ2).

A candidate is a *member* if the rule flags the drop from the potential before the cliff to the
candidate's own. The cliff mass is the probability that members carry at temperature 1, in one of
three readings:

| reading | the cliff token | potential before the cliff |
|---|---|---|
| published | a member whatever its own rollouts say | the one that selected the cliff |
| own | a member if its own rollouts say so, as every other candidate | the same |
| fresh | the same | that of the arm that deletes the cliff token |

The potential that selected the cliff is high by selection; the fresh one is not.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.tables import PLACE

READINGS = ("published", "own", "fresh")


def find_members(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    estimates: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
) -> pd.DataFrame:
    """Which candidates are members in which reading: rows of the ``members`` table.

    A candidate's drop is tested with the error of independent counts on both sides. With the
    estimator ``independent`` and 64 rollouts this is the rule of the paper.

    Args:
        candidates: rows of the table, of one model and data set as all that follow.
        cliffs: the cliffs that the candidates stand at.
        estimates: those that selected the cliffs.
        resampling: arms of the cliffs, for the reading ``fresh``.
        test: the rule.
    """
    selected = cliffs[["cliff_id", *PLACE]].merge(estimates, on=PLACE, validate="1:1")
    deleted = resampling[resampling["arm"].eq("del")]
    p = deleted["successes"] / deleted["rollouts"]
    fresh = pd.DataFrame(
        {
            "cliff_id": deleted["cliff_id"],
            "before": p,
            "before_se": np.sqrt(p * (1 - p) / deleted["rollouts"]),
        }
    )
    parts = []
    for reading in READINGS:
        before = fresh if reading == "fresh" else selected
        rows = candidates.merge(before[["cliff_id", "before", "before_se"]], on="cliff_id")
        if len(rows) != len(candidates):
            lost = min(set(candidates["cliff_id"]) - set(rows["cliff_id"]))
            raise ValueError(
                f"{lost}: has candidates but no potential before it ({reading}); "
                "resample the cliffs and estimate their candidates again"
            )
        p = rows["successes"] / rows["rollouts"]
        error = np.sqrt(rows["before_se"] ** 2 + p * (1 - p) / rows["rollouts"])
        flagged = test.flags(rows["before"] - p, error)
        if reading == "published":
            flagged |= rows["is_sampled"]
        parts.append(rows.loc[flagged, ["cliff_id", "token_id"]].assign(reading=reading))
    return pd.concat(parts, ignore_index=True)


def weigh(candidates: pd.DataFrame, members: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """Cliff mass and other mass at every cliff in every reading: rows of the ``masses`` table.

    The two do not add up to 1: tokens outside the candidates carry the rest.
    """
    of_all = candidates.groupby("cliff_id")["probability"].sum()
    lacking = set(cliffs["cliff_id"]) - set(of_all.index)
    if lacking:
        raise ValueError(f"{min(lacking)}: has no candidates; estimate the candidates again")
    members = members.merge(candidates, on=["cliff_id", "token_id"], validate="m:1")
    parts = []
    for reading in READINGS:
        of_members = members[members["reading"].eq(reading)].groupby("cliff_id")["probability"]
        sums = of_members.agg(["sum", "size"])
        rows = cliffs[["cliff_id", "model", "dataset", "problem_id", "kind", "entropy"]].copy()
        rows["reading"] = reading
        rows["cliff_mass"] = rows["cliff_id"].map(sums["sum"]).fillna(0.0)
        # Members that are all candidates can exceed their sum by rounding only.
        rows["other_mass"] = (rows["cliff_id"].map(of_all) - rows["cliff_mass"]).clip(lower=0.0)
        rows["cliff_candidates"] = rows["cliff_id"].map(sums["size"]).fillna(0).astype(int)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)
