"""Delete or keep a cliff token and roll out again, beside a control token treated the same way.

Rollouts are fresh, so they do not carry the luck that selected the cliff. Deleting a cliff returns
to a prefix that the rule requires to be promising, so recovery alone says little; the comparison
is with keeping it, and with a control: a token that is no cliff, nearly as probable under the
sampler and preceded by nearly as much potential. It may stand in another trace, which counts like
a difference of .05 in either.

| arm | rollouts start from |
|---|---|
| del, keep | the prefix before the cliff token, the prefix that ends with it |
| control_del, control_keep | the same two prefixes of the control token |
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.controls import match, others
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan
from cliff_tokens.tables import PLACE

CALIPER = 0.15  # largest difference of a control in potential before, and in q_t
_OTHER_TRACE = 0.05  # added to the distance of a control that stands in another trace


def match_controls(
    cliffs: pd.DataFrame, estimates: pd.DataFrame, tokens: pd.DataFrame
) -> pd.DataFrame:
    """A control token for each cliff of one model and data set: cliff_id, trace_id, t.

    The distance is the difference in potential before the token plus that in sampler probability,
    each at most ``CALIPER``. A cliff without such a token has no row.
    """

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        potential = np.abs(pool["before"].to_numpy() - cliff.before)
        probability = np.abs(pool["sampler_probability"].to_numpy() - cliff.sampler_probability)
        elsewhere = (pool["trace_id"] != cliff.trace_id).to_numpy()
        eligible = (potential <= CALIPER) & (probability <= CALIPER)
        return np.where(eligible, potential + probability + _OTHER_TRACE * elsewhere, np.inf)

    scores = tokens[[*PLACE, "sampler_probability"]]
    pool = others(estimates.merge(scores, on=PLACE), cliffs)
    return match(cliffs, pool, distance).drop(columns="taken")


def plan_resampling(cliffs: pd.DataFrame, controls: pd.DataFrame, count: int) -> pd.DataFrame:
    """``count`` rollouts in every arm of every cliff and its control: rows of ``plans``.

    ``controls`` is what ``match_controls`` gives.
    """
    arms = []
    for tokens, without, with_it in (
        (cliffs, "del", "keep"),
        (controls, "control_del", "control_keep"),
    ):
        for arm, shift in ((without, -1), (with_it, 0)):
            part = tokens[["cliff_id", "trace_id"]].copy()
            part["arm"], part["prefix_t"] = arm, tokens["t"] + shift
            arms.append(part)
    rows = pd.concat(arms, ignore_index=True).assign(rollouts=count)
    return make_plan(rows, [("resampling", row.cliff_id, row.arm) for row in rows.itertuples()])


def collect_resampling(plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``resampling`` table, from what was planned and drawn."""
    return join(plan, rollouts)[["cliff_id", "arm", "trace_id", "prefix_t", *COUNTS]]
