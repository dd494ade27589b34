"""The arms del and keep side by side: what fresh rollouts say of each cliff.

They did not select the cliff, so their drop does not carry the luck of the one that did.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import unpooled_error
from cliff_tokens.tables import require

# What is said of a cliff in a word: fresh rollouts confirm it or do not, or it cannot be one.
CONFIRMED, UNCONFIRMED, IMPOSSIBLE = "yes", "no", "cannot be"


def join_arms(cliffs: pd.DataFrame, resampling: pd.DataFrame) -> pd.DataFrame:
    """The cliffs with their fresh counts: successes and rollouts, ``..._del`` and ``..._keep``."""
    joined = cliffs
    for arm in ("del", "keep"):
        counts = resampling[resampling["arm"].eq(arm)].set_index("cliff_id")
        joined = joined.join(counts[["successes", "rollouts"]].add_suffix(f"_{arm}"), on="cliff_id")
    drawn = joined[["successes_del", "successes_keep"]].notna().all(axis=1)
    require(joined, drawn, "{cliff_id}: has no fresh rollouts; resample the cliffs again")
    return joined


def average_alternative(joined: pd.DataFrame) -> pd.Series:
    """B of the cliffs of ``join_arms``: where their tokens' alternatives lead, on average.

    By identity (2) of docs/estimators.md, V + D / (1 - q), with V and D from the fresh arms; noise
    can put it past 0 and 1. NaN where q = 1.
    """
    kept = joined["successes_keep"] / joined["rollouts_keep"]
    drop = joined["successes_del"] / joined["rollouts_del"] - kept
    left = 1 - joined["sampler_probability"]
    return kept + drop / left.where(left > 0)


def say(possible: pd.Series, confirmed: pd.Series) -> pd.Series:
    """The word for each cliff; null where nothing fresh tells (``confirmed`` is null)."""
    words = confirmed.astype("boolean").map({True: CONFIRMED, False: UNCONFIRMED})
    return words.astype(object).mask(~possible.astype(bool), IMPOSSIBLE)


def confirm(cliffs: pd.DataFrame, resampling: pd.DataFrame, test: CliffTest) -> pd.DataFrame:
    """The cliffs of ``fresh_drops`` with ``possible``: whether 1 - q exceeds the margin."""
    fresh = fresh_drops(cliffs, resampling, test)
    return fresh.assign(possible=1 - fresh["sampler_probability"] > test.margin)


def fresh_drops(cliffs: pd.DataFrame, resampling: pd.DataFrame, test: CliffTest) -> pd.DataFrame:
    """The cliffs with the drop that fresh rollouts show, and whether they confirm the cliff.

    Adds fresh_drop, fresh_se and ``confirmed``: the rule flags the fresh drop too.
    """
    joined = join_arms(cliffs, resampling)
    before, after = joined["successes_del"], joined["successes_keep"]
    rollouts = joined["rollouts_del"]
    if not rollouts.eq(joined["rollouts_keep"]).all():
        raise ValueError("resampling: the arms del and keep have other numbers of rollouts")
    drop, error = (before - after) / rollouts, unpooled_error(before, after, rollouts)
    return cliffs.assign(
        fresh_drop=drop.to_numpy(),
        fresh_se=error.to_numpy(),
        confirmed=np.asarray(test.flags(drop, error), dtype=bool),
    )
