"""Which cliffs fresh rollouts confirm, and which no rollouts could: what hollow marks say.

Figures draw a single cliff filled only where both say that it is one. The word is the same in every
table, and that of ``cliff-tokens trace``.
"""

from collections.abc import Mapping

import pandas as pd

from cliff_tokens.stages import arms
from cliff_tokens.stages.cliff_test import CliffTest


def confirm(cliffs: pd.DataFrame, resampling: pd.DataFrame, test: CliffTest) -> pd.DataFrame:
    """The cliffs with ``fresh_drop`` and the word ``confirmed``.

    Args:
        cliffs: rows of the table.
        resampling: the arms del and keep of each, drawn after it was found.
        test: the rule, which has to flag the fresh drop too.
    """
    fresh = arms.confirm(cliffs, resampling, test)
    return cliffs.assign(
        fresh_drop=fresh["fresh_drop"], confirmed=arms.say(fresh["possible"], fresh["confirmed"])
    )


def confirmed_by_cliff(
    cliffs: pd.DataFrame, resampling: pd.DataFrame, test: CliffTest
) -> Mapping[str, str]:
    """The word of each cliff by its id; arguments as those of ``confirm``."""
    return confirm(cliffs, resampling, test).set_index("cliff_id")["confirmed"].to_dict()
