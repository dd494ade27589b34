"""From counts at prefixes to the drop at every token between them.

Prefixes may have other numbers of rollouts than their neighbors: a count is a share of its own
rollouts only.
"""

import numpy as np
import pandas as pd

from cliff_tokens.statistics import unpooled_error

# Columns of the ``estimates`` table.
ESTIMATED = ["trace_id", "t", "before", "after", "before_se", "drop_se"]


def pair_counts(potential: pd.DataFrame, correct: np.ndarray) -> pd.DataFrame:
    """Counts before and after every token.

    Columns trace_id, t (of the token), successes and rollouts (``..._before``, ``..._after``) and
    ``last``: whether the trace ends there. The verdict, which follows the last token, stands for as
    many rollouts as came before it: they could only have agreed.

    Args:
        potential: trace_id, t, successes and rollouts of prefixes 0 .. T-1, sorted by trace and t.
        correct: the verdict of each row's trace, bool.
    """
    successes = potential["successes"].to_numpy().astype(np.int64)
    rollouts = potential["rollouts"].to_numpy().astype(np.int64)
    last = potential["trace_id"].ne(potential["trace_id"].shift(-1)).to_numpy()
    return pd.DataFrame(
        {
            "trace_id": potential["trace_id"],
            "t": potential["t"] + 1,
            "successes_before": successes,
            "rollouts_before": rollouts,
            "successes_after": np.where(last, rollouts * correct, np.append(successes[1:], 0)),
            "rollouts_after": np.where(last, rollouts, np.append(rollouts[1:], 0)),
            "last": last,
        }
    )


def estimate_drops(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of counts with the potential before and after, and the standard errors.

    The errors are the published rule's: plug-in, so that rollouts that all agree have none.
    """
    before, after = pairs["successes_before"], pairs["successes_after"]
    rollouts, rollouts_after = pairs["rollouts_before"], pairs["rollouts_after"]
    p = before / rollouts
    return pairs.assign(
        before=p,
        after=after / rollouts_after,
        before_se=np.sqrt(p * (1 - p) / rollouts),
        drop_se=unpooled_error(before, after, rollouts, rollouts_after),
    )
