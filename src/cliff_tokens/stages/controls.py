"""Controls: other tokens, each matched to the cliff that it is nearest to.

What near means is the caller's: a function that gives the distance from a cliff to every token.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cliff_tokens.tables import PLACE, among


def others(tokens: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """The tokens that are none of these cliffs, by trace and t."""
    return tokens[~among(tokens, cliffs, PLACE)].sort_values(PLACE, ignore_index=True)


def most_probable_first(alternatives: pd.DataFrame) -> pd.DataFrame:
    """The alternatives by trace, t and falling probability, the lowest id first in a tie."""
    order = [*PLACE, "probability", "token_id"]
    return alternatives.sort_values(order, ascending=[True, True, False, True])


def match(
    cliffs: pd.DataFrame,
    pool: pd.DataFrame,
    distance: Callable[[object, pd.DataFrame], np.ndarray],
    probability: str,
    caliper: float = np.inf,
) -> pd.DataFrame:
    """The nearest tokens to each cliff, each token used once; a cliff without any has no row.

    Cliffs are served in the order of their names; ties go to the first in the order of the pool.

    Args:
        cliffs: of one model and data set, with the columns that ``distance`` reads. ``wanted`` is
            how much each cliff needs, 1 where there is no such column.
        pool: tokens of the same traces: trace_id, t and the columns that ``distance`` reads.
            ``offered`` is how much of what is wanted each token gives, 1 where there is none.
        distance: from a cliff (a named tuple) to tokens of the pool, float [tokens]; infinite where
            a token is no control for this cliff.
        probability: a column of both, in which a control is within ``caliper`` of its cliff.
        caliper: how far; only these tokens are asked for their distance, as a pool may be millions.

    Returns:
        cliff_id of the cliff; trace_id and t of a control; ``taken``, what it gives.
    """
    place = pool[probability].to_numpy().argsort(kind="stable")  # of each row in the pool's order
    pool = pool.iloc[place]
    chances = pool[probability].to_numpy()
    offered = pool["offered"].to_numpy() if "offered" in pool else np.ones(len(pool), dtype=int)
    free = np.ones(len(pool), dtype=bool)
    matched = []
    for cliff in cliffs.sort_values("cliff_id").itertuples():
        reach = caliper + 1e-9  # what lies on the edge is for ``distance`` to say
        chance = getattr(cliff, probability)
        near = slice(*np.searchsorted(chances, [chance - reach, chance + reach]))
        distances = np.where(free[near], distance(cliff, pool.iloc[near]), np.inf)
        wanted = getattr(cliff, "wanted", 1)
        while wanted and np.isfinite(distances).any():
            (equal,) = np.nonzero(distances == distances.min())
            nearest = int(equal[place[near][equal].argmin()])
            distances[nearest] = np.inf
            row = near.start + nearest
            free[row] = False
            taken = min(wanted, int(offered[row]))
            wanted -= taken
            named = (pool["trace_id"].iat[row], int(pool["t"].iat[row]))
            matched.append((cliff.cliff_id, *named, taken))
    return pd.DataFrame(matched, columns=["cliff_id", *PLACE, "taken"])
