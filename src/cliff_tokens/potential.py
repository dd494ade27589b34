"""Potential: the share of rollouts from a prefix that end in the right answer (paper, Section 3).

The estimator ``independent`` is the published protocol: fresh rollouts at every prefix, the bare
prompt included. V_T is the verdict of the trace and takes no rollouts. Counts only are kept.
"""

import pandas as pd

from cliff_tokens import grading, rollouts, sampling
from cliff_tokens.engines import Engine
from cliff_tokens.prompts import ChatTokenizer
from cliff_tokens.sampling import Sampler


def shard(traces: pd.DataFrame, number: int, count: int) -> pd.DataFrame:
    """The traces of shard ``number`` (1 .. count); every trace is in exactly one shard."""
    if not 1 <= number <= count:
        raise ValueError(f"shard: expected 1 .. {count}, found {number}")
    return traces.sort_values("trace_id", ignore_index=True).iloc[number - 1 :: count]


def roll_out(
    traces: pd.DataFrame,
    problems: pd.DataFrame,
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    *,
    count: int,
    seed: int,
) -> pd.DataFrame:
    """``count`` rollouts at every prefix 0 .. T-1: rows of the ``potential`` table."""
    sampler.check_drew(traces)
    golds = problems.set_index("problem_id")["answer"]
    keys, prefixes = [], []
    for trace in traces.itertuples():
        for t in range(len(trace.token_ids)):
            streams = sampling.streams(seed, "potential", trace.trace_id, t, count=count)
            keys.append((trace.trace_id, t))
            prefixes.append(rollouts.Prefix.of_trace(trace, t, streams, golds[trace.problem_id]))
    counts = rollouts.count(prefixes, engine, tokenizer, sampler, grader, "potential")
    return pd.concat([pd.DataFrame(keys, columns=["trace_id", "t"]), counts], axis=1)
