"""Delete or keep a cliff token and roll out again, beside a control token treated the same way.

Rollouts are fresh, so they do not carry the luck that selected the cliff. Deleting a cliff returns
to a prefix that the rule requires to be promising, so recovery alone says little; the comparison
is with keeping it, and with a control: a token that is no cliff, as probable under the sampler and
preceded by as much potential, taken from the same trace where there is one.

| arm | rollouts start from |
|---|---|
| del, keep | the prefix before the cliff token, the prefix that ends with it |
| control_del, control_keep | the same two prefixes of the control token |
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.controls import PLACE, match, others
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan

CALIPER = 0.15  # largest difference of a control in potential before, and in q_t
_LEAVING = 0.05  # distance of a control in another trace, beside what it differs by


def match_controls(
    cliffs: pd.DataFrame, estimates: pd.DataFrame, tokens: pd.DataFrame
) -> pd.DataFrame:
    """A control token for each cliff of one model and data set: cliff_id, trace_id, t.

    As probable under the sampler and preceded by as much potential, each within the caliper.
    """

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        potential = np.abs(pool["before"].to_numpy() - cliff.before)
        probability = np.abs(pool["sampler_probability"].to_numpy() - cliff.sampler_probability)
        elsewhere = (pool["trace_id"] != cliff.trace_id).to_numpy()
        eligible = (potential <= CALIPER) & (probability <= CALIPER)
        return np.where(eligible, potential + probability + _LEAVING * elsewhere, np.inf)

    scores = tokens[[*PLACE, "sampler_probability"]]
    pool = others(estimates.merge(scores, on=PLACE), cliffs)
    return match(cliffs, pool, distance).drop(columns="taken")


def plan_resampling(cliffs: pd.DataFrame, matched: pd.DataFrame, count: int) -> pd.DataFrame:
    """``count`` rollouts in every arm of every cliff and its control: rows of ``plans``."""
    arms = []
    for chosen, before, with_it in (
        (cliffs, "del", "keep"),
        (matched, "control_del", "control_keep"),
    ):
        for arm, shift in ((before, -1), (with_it, 0)):
            part = chosen[["cliff_id", "trace_id"]].copy()
            part["arm"], part["prefix_t"] = arm, chosen["t"] + shift
            arms.append(part)
    rows = pd.concat(arms, ignore_index=True).assign(rollouts=count)
    return make_plan(rows, [("resampling", row.cliff_id, row.arm) for row in rows.itertuples()])


def collect_resampling(plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``resampling`` table, from what was planned and drawn."""
    return join(plan, rollouts)[["cliff_id", "arm", "trace_id", "prefix_t", *COUNTS]]
