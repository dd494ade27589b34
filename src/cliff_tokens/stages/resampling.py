"""Delete or keep a cliff token and roll out again, beside a control token treated the same way.

Rollouts are fresh, so they do not carry the luck that selected the cliff. Deleting a cliff returns
to a prefix that the rule requires to be promising, so recovery alone says little; the comparison
is with keeping it, and with a control: another token, nearly as probable under the sampler and
preceded by nearly as much potential, greedy or not and of nearly the same rank as the cliff token,
on a trace of the same outcome. Another trace counts like a difference of .05.

A control may fall by any amount: it is not chosen for what followed it, and the cliff of another
may serve. A token chosen for not being flagged would be one that was selected for not falling.

| arm | rollouts start from |
|---|---|
| del, keep | the prefix before the cliff token, the prefix that ends with it |
| control_del, control_keep | the same two prefixes of the control token |
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.controls import match
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan
from cliff_tokens.tables import PLACE

CALIPER = 0.15  # largest difference of a control in potential before, and in q_t
RANKS = 2  # largest ratio of its rank to the cliff's, either way
_OTHER_TRACE = 0.05  # added to the distance of a control that stands in another trace


def match_controls(
    cliffs: pd.DataFrame, estimates: pd.DataFrame, tokens: pd.DataFrame, traces: pd.DataFrame
) -> pd.DataFrame:
    """A control token for each cliff of one model and data set: cliff_id, trace_id, t.

    The distance is the difference in potential before the token plus that in sampler probability,
    each at most ``CALIPER``; outcome of the trace and greedy or not agree, and ranks differ by a
    factor of at most ``RANKS``. Each token serves once. A cliff without such a token has no row.

    Args:
        cliffs: the cliffs.
        estimates: potentials around every token.
        tokens: their scores.
        traces: whose verdicts tell the outcomes.
    """
    correct = traces.set_index("trace_id")["verdict"].eq("correct")
    scores = tokens[[*PLACE, "rank", "sampler_probability"]]
    pool = estimates.merge(scores, on=PLACE).sort_values(PLACE, ignore_index=True)
    pool["correct"] = pool["trace_id"].map(correct)
    # Numbers, as the names of millions of tokens take long to compare.
    pool["trace"], names = pd.factorize(pool["trace_id"])
    cliffs = cliffs.assign(trace=names.get_indexer(cliffs["trace_id"]))

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        potential = np.abs(pool["before"] - cliff.before)
        probability = np.abs(pool["sampler_probability"] - cliff.sampler_probability)
        ratio = pool["rank"] / cliff.rank
        elsewhere = pool["trace"] != cliff.trace
        eligible = (
            (potential <= CALIPER)
            & (probability <= CALIPER)
            & ratio.between(1 / RANKS, RANKS)
            & ((pool["rank"] == 1) == (cliff.rank == 1))
            & (pool["correct"] == (cliff.outcome == "correct"))
            & (elsewhere | (pool["t"] != cliff.t))
        )
        return np.where(eligible, potential + probability + _OTHER_TRACE * elsewhere, np.inf)

    matched = match(cliffs, pool, distance, "sampler_probability", CALIPER)
    return matched.drop(columns="taken")


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
