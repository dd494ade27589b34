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
) -> pd.DataFrame:
    """The nearest tokens to each cliff, each token used once; a cliff without any has no row.

    Cliffs are served in the order of their names; ties go to the first in the order of the pool.

    Args:
        cliffs: of one model and data set, with the columns that ``distance`` reads. ``wanted`` is
            how much each cliff needs, 1 where there is no such column.
        pool: tokens of the same traces: trace_id, t and the columns that ``distance`` reads.
            ``offered`` is how much of what is wanted each token gives, 1 where there is none.
        distance: from a cliff (a named tuple) to every token of the pool, float [tokens]; infinite
            where a token is no control for this cliff.

    Returns:
        cliff_id of the cliff; trace_id and t of a control; ``taken``, what it gives.
    """
    offered = pool.get("offered", pd.Series(1, index=pool.index)).to_numpy()
    free = np.ones(len(pool), dtype=bool)
    matched = []
    for cliff in cliffs.sort_values("cliff_id").itertuples():
        distances = np.where(free, distance(cliff, pool), np.inf)
        wanted = getattr(cliff, "wanted", 1)
        while wanted and np.isfinite(distances).any():
            nearest = int(distances.argmin())
            free[nearest], distances[nearest] = False, np.inf
            taken = min(wanted, int(offered[nearest]))
            wanted -= taken
            place = (pool["trace_id"].iat[nearest], int(pool["t"].iat[nearest]))
            matched.append((cliff.cliff_id, *place, taken))
    return pd.DataFrame(matched, columns=["cliff_id", *PLACE, "taken"])
