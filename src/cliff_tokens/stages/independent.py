"""Potential: the share of rollouts from a prefix that end in the right answer (paper, Section 3).

The estimator ``independent`` is the published protocol: fresh rollouts at every prefix, the bare
prompt included. V_T is the verdict of the trace and takes no rollouts. Counts only are kept.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.drops import ESTIMATED, estimate_drops, pair_counts
from cliff_tokens.stages.rollouts import COUNTS, LEAVING, join, make_plan


def take_subset(problems: pd.DataFrame, traces: pd.DataFrame, count: int | None) -> pd.DataFrame:
    """The traces of the first ``count`` problems, in the order of the problems' source; None: all.

    They say nothing of how the traces went on: what is chosen is a problem.
    """
    if count is None:
        return traces
    first = problems.sort_values("source_row")["problem_id"].head(count)
    return traces[traces["problem_id"].isin(first)]


def plan_potential(traces: pd.DataFrame, count: int) -> pd.DataFrame:
    """``count`` rollouts at every prefix 0 .. T-1: rows of the ``plans`` table."""
    lengths = traces["token_ids"].map(len)
    rows = pd.DataFrame(
        {
            "trace_id": np.repeat(traces["trace_id"].to_numpy(), lengths),
            "prefix_t": np.concatenate([np.arange(length) for length in lengths]),
            "rollouts": count,
        }
    )
    keys = [("potential", row.trace_id, row.prefix_t) for row in rows.itertuples()]
    return make_plan(rows, keys)


def collect_potential(plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``potential`` table, from what was planned and drawn."""
    joined = join(plan, rollouts).rename(columns={"prefix_t": "t"})
    return joined[["trace_id", "t", *COUNTS, *LEAVING]]


def estimate_independent(potential: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    """Potential before and after every token: rows of the ``estimates`` table.

    ``potential`` holds the counts of prefixes 0 .. T-1; V_T is the verdict of the trace and has no
    variance. A missing prefix or a trace without potential is an error, never a zero.
    """
    lengths = traces.set_index("trace_id")["token_ids"].map(len)
    potential = potential.sort_values(["trace_id", "t"], ignore_index=True)
    measured = potential.groupby("trace_id")["t"].agg(["size", "max"])
    for trace_id, length in lengths.items():
        found = measured.loc[trace_id].tolist() if trace_id in measured.index else [0, None]
        if found != [length, length - 1]:
            raise ValueError(
                f"{trace_id}: expected the potential of prefixes 0 .. {length - 1}, "
                f"found {found[0]} prefixes up to {found[1]}"
            )
    unknown = set(measured.index) - set(lengths.index)
    if unknown:
        raise ValueError(f"{min(unknown)}: has a potential but no trace")
    correct = potential["trace_id"].map(traces.set_index("trace_id")["verdict"].eq("correct"))
    pairs = pair_counts(potential, correct.to_numpy())
    return estimate_drops(pairs)[ESTIMATED]
