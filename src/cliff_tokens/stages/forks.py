"""Forks: tokens that are no cliffs, at which what could have stood there is measured as at cliffs.

What Cliff-DPO does at cliffs can be told from what it would do anywhere only beside pairs that are
measured alike and stand elsewhere. A fork is nearly as probable under the sampler as a cliff token,
preceded by nearly as much potential, and has nearly as much at stake: the difference between where
the token leads and where its most probable alternative does, *either way*. Most forks are tokens
that did not fall where another would have.

Both sides are rolled out afresh, so that what selected a fork does not tell which leads further.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.controls import match, most_probable_first, others
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan
from cliff_tokens.tables import PLACE

CALIPER = 0.25  # largest difference of a fork in potential before, in q_t, and in what is at stake


def match_forks(
    cliffs: pd.DataFrame,
    estimates: pd.DataFrame,
    branches: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
) -> pd.DataFrame:
    """A fork for each cliff of one model and data set: cliff_id, trace_id, t, token_id, other_id.

    The distance is the sum of the three differences, each at most ``CALIPER``. Each token serves
    once. A cliff has no row where no token is near, or where no branch takes its most probable
    alternative.

    Args:
        cliffs: all of the catalogue.
        estimates: potentials around every token.
        branches: of the first round of the recursion.
        tokens: their scores.
        alternatives: rows of the table.
    """
    first = most_probable_first(alternatives).drop_duplicates(PLACE)
    first = first.rename(columns={"token_id": "first_token_id"})
    places = first[[*PLACE, "first_token_id"]].merge(branches, on=[*PLACE, "first_token_id"])
    places = places.merge(estimates[[*PLACE, "before", "after"]], on=PLACE, validate="1:1")
    places = places.merge(
        tokens[[*PLACE, "token_id", "sampler_probability"]], on=PLACE, validate="1:1"
    )
    stake = places["successes"] / places["rollouts"] - places["after"]
    places["at_stake"] = stake.abs()
    likeness = ["before", "sampler_probability", "at_stake"]

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        apart = np.abs(pool[likeness].to_numpy() - [getattr(cliff, name) for name in likeness])
        return np.where((apart <= CALIPER).all(axis=1), apart.sum(axis=1), np.inf)

    measured = cliffs[["cliff_id", *PLACE]].merge(places[[*PLACE, *likeness]], on=PLACE)
    pool = others(places, cliffs)
    matched = match(measured, pool, distance, "sampler_probability", CALIPER)
    sides = places[[*PLACE, "token_id", "first_token_id"]]
    return matched.drop(columns="taken").merge(
        sides.rename(columns={"first_token_id": "other_id"}), on=PLACE
    )


def plan_forks(forks: pd.DataFrame, count: int) -> pd.DataFrame:
    """``count`` rollouts after the token and after the other: rows of ``plans``.

    ``forks`` is what ``match_forks`` gives.
    """
    sides = [
        forks[["cliff_id", *PLACE, side]].rename(columns={side: "token_id"})
        for side in ("token_id", "other_id")
    ]
    rows = pd.concat(sides, ignore_index=True).assign(rollouts=count)
    rows["prefix_t"] = rows["t"] - 1
    keys = rows[[*PLACE, "token_id"]].itertuples(index=False)
    return make_plan(rows, [("forks", *key) for key in keys])


def collect_forks(plan: pd.DataFrame, rollouts: pd.DataFrame, tokens: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``forks`` table, from what was planned and drawn; ``tokens`` are the traces'."""
    rows = join(plan, rollouts)
    rows["t"] = rows["prefix_t"] + 1
    of_trace = tokens[[*PLACE, "token_id"]].rename(columns={"token_id": "sampled_id"})
    rows = rows.merge(of_trace, on=PLACE, validate="m:1")
    rows["is_sampled"] = rows["token_id"].eq(rows["sampled_id"]).astype(bool)
    return rows[["cliff_id", *PLACE, "token_id", "is_sampled", *COUNTS]]
