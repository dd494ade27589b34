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

from cliff_tokens.policies import Engine, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import grading, rollouts

CALIPER = 0.15  # largest difference of a control in potential before, and in q_t
_OTHER_TRACE = 0.05  # what leaving the trace weighs against a closer match


def match_controls(
    found: pd.DataFrame, estimates: pd.DataFrame, tokens: pd.DataFrame
) -> pd.DataFrame:
    """A control token for each cliff of one model and data set, each token used once.

    Columns: cliff_id, trace_id, t;
    a cliff without a match within the caliper has no row.
    """
    pool = estimates.merge(tokens[["trace_id", "t", "sampler_probability"]], on=["trace_id", "t"])
    is_cliff = pd.MultiIndex.from_frame(pool[["trace_id", "t"]]).isin(
        pd.MultiIndex.from_frame(found[["trace_id", "t"]])
    )
    pool = pool[~is_cliff].sort_values(["trace_id", "t"], ignore_index=True)
    potential = pool["before"].to_numpy()
    probability = pool["sampler_probability"].to_numpy()
    free = np.ones(len(pool), dtype=bool)
    matched = []
    for cliff in found.sort_values("cliff_id").itertuples():
        far = np.abs(potential - cliff.before)
        unlike = np.abs(probability - cliff.sampler_probability)
        eligible = free & (far <= CALIPER) & (unlike <= CALIPER)
        if not eligible.any():
            continue
        distance = far + unlike + _OTHER_TRACE * (pool["trace_id"] != cliff.trace_id).to_numpy()
        best = int(np.where(eligible, distance, np.inf).argmin())
        free[best] = False
        matched.append((cliff.cliff_id, pool["trace_id"][best], int(pool["t"][best])))
    return pd.DataFrame(matched, columns=["cliff_id", "trace_id", "t"])


def plan(found: pd.DataFrame, controls: pd.DataFrame) -> pd.DataFrame:
    """Every arm of every cliff: cliff_id, arm, trace_id, prefix_t."""
    arms = []
    for chosen, before, with_it in (
        (found, "del", "keep"),
        (controls, "control_del", "control_keep"),
    ):
        for arm, shift in ((before, -1), (with_it, 0)):
            part = chosen[["cliff_id", "trace_id"]].copy()
            part["arm"], part["prefix_t"] = arm, chosen["t"] + shift
            arms.append(part)
    return pd.concat(arms).sort_values(["trace_id", "prefix_t", "arm"], ignore_index=True)


def resample(
    found: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    problems: pd.DataFrame,
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    *,
    count: int,
    seed: int,
    store: rollouts.Store | None = None,
) -> pd.DataFrame:
    """``count`` fresh rollouts in every arm of every cliff: rows of the ``resampling`` table."""
    sampler.check_drew(traces)
    controls = match_controls(found, estimates, tokens)
    arms = plan(found, controls)
    golds = problems.set_index("problem_id")["answer"]
    by_id = {trace.trace_id: trace for trace in traces.itertuples()}
    prefixes = []
    for arm in arms.itertuples():
        trace = by_id[arm.trace_id]
        streams = sampling.streams(seed, "resampling", arm.cliff_id, arm.arm, count=count)
        gold = golds[trace.problem_id]
        prefixes.append(rollouts.Prefix.of_trace(trace, arm.prefix_t, streams, gold))
    counts = rollouts.count(prefixes, engine, tokenizer, sampler, grader, "resampling", store)
    return pd.concat([arms, counts], axis=1)
