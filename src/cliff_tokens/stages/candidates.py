"""Candidates: the tokens that could stand in a cliff's place, and where each of them leads (RQ2).

At every cliff the most probable tokens of prefix t-1 are followed by rollouts, the cliff token
itself among them whatever its rank. Which of them lead over the cliff, and how probable they are
together, is the business of stages/masses.py.

Counts that stand in other tables are taken over where they are draws of the same thing: branches
that leave the trace with this token, and the resampling arm that keeps the cliff token. Counts
that took part in selecting the cliff are not, since they carry the luck that selected it: branches
serve cliffs of the estimator ``independent``, never those of an estimator that is made of them.
Where more was drawn than is wanted, all of it is kept.
"""

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from cliff_tokens import progress
from cliff_tokens.policies import Policy, sampling
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan
from cliff_tokens.tables import PLACE

_KEY = ["cliff_id", "token_id"]  # of a candidate


def list_candidates(
    cliffs: pd.DataFrame, traces: pd.DataFrame, policy: Policy, top: int
) -> pd.DataFrame:
    """The ``top`` most probable tokens at every cliff, and the cliff token where it is not one.

    Rows of the ``shortlist`` table, from one teacher-forced pass over each trace with a cliff, up
    to its last cliff.
    """
    longest = cliffs.groupby("trace_id")["t"].max()
    traces = traces[traces["trace_id"].isin(longest.index)].sort_values("trace_id")
    policy.check_drew(traces)
    if len(traces) < len(longest):
        lost = min(set(longest.index) - set(traces["trace_id"]))
        raise ValueError(f"{lost}: has a cliff but is not among the traces; detect cliffs again")
    sequences = [
        (trace.prompt_ids, trace.token_ids[: longest[trace.trace_id]])
        for trace in traces.itertuples()
    ]
    passes = progress.track(policy.engine.score(sequences), len(sequences), "trace", "candidates")
    by_trace = dict(tuple(cliffs.groupby("trace_id")))
    parts = []
    for trace_id, logits in zip(traces["trace_id"], passes, strict=True):
        for cliff in by_trace[trace_id].sort_values("t").itertuples():
            part = most_probable(logits[cliff.t - 1], top, cliff.token_id)
            parts.append(part.assign(cliff_id=cliff.cliff_id, trace_id=trace_id, t=cliff.t))
    shortlist = pd.concat(parts, ignore_index=True)
    pieces = policy.tokenizer.pieces(shortlist["token_id"].to_numpy(dtype=np.int64))
    return shortlist.assign(token=pieces)


def most_probable(logits: np.ndarray, top: int, sampled: int) -> pd.DataFrame:
    """The ``top`` most probable tokens (lowest id in a tie) of ``logits`` [vocabulary].

    The token ``sampled`` is one of the rows in any case.
    """
    logprob = log_softmax(np.asarray(logits, dtype=np.float64))
    ids = np.argsort(-logprob, kind="stable")[:top]
    if sampled not in ids:
        ids = np.append(ids, sampled)
    return pd.DataFrame(
        {
            "token_id": ids,
            "rank": sampling.ranks(logprob[None], ids),
            "probability": np.exp(logprob[ids]),
            "is_sampled": ids == sampled,
            "is_greedy": ids == logprob.argmax(),
        }
    )


def known_counts(
    shortlist: pd.DataFrame, branches: pd.DataFrame | None, resampling: pd.DataFrame
) -> pd.DataFrame:
    """The shortlist with the counts of other tables that are draws of these candidates, 0 if none.

    ``branches`` are those of an estimator that did not select the cliffs, or None. The column
    ``reused`` holds the rollouts that were taken over.
    """
    cliff_tokens = shortlist.loc[shortlist["is_sampled"], _KEY]
    kept = resampling[resampling["arm"].eq("keep")]
    parts = [cliff_tokens.merge(kept[["cliff_id", *COUNTS]], on="cliff_id", validate="1:1")]
    if branches is not None:
        branches = branches.rename(columns={"first_token_id": "token_id"})
        keys = [*PLACE, "token_id"]
        parts.append(shortlist[[*_KEY, *PLACE]].merge(branches, on=keys, validate="1:1"))
    counts = pd.concat([part[[*_KEY, *COUNTS]] for part in parts], ignore_index=True)
    rows = shortlist.merge(counts, on=_KEY, how="left", validate="1:1")
    rows = rows.astype(dict.fromkeys(COUNTS, "float64")).fillna(dict.fromkeys(COUNTS, 0))
    rows = rows.astype(dict.fromkeys(COUNTS, "int64"))
    return rows.assign(reused=rows["rollouts"])


def plan_candidates(
    shortlist: pd.DataFrame, branches: pd.DataFrame | None, resampling: pd.DataFrame, count: int
) -> pd.DataFrame:
    """What each candidate lacks of ``count`` rollouts: rows of the ``plans`` table.

    ``branches`` are those that may be taken over (``known_counts``), or None.
    """
    rows = known_counts(shortlist, branches, resampling)
    rows = rows[rows["rollouts"] < count]
    rows = rows.assign(rollouts=count - rows["rollouts"], prefix_t=rows["t"] - 1)
    return make_plan(
        rows, [("candidates", row.cliff_id, row.token_id) for row in rows.itertuples()]
    )


def collect_candidates(
    shortlist: pd.DataFrame,
    branches: pd.DataFrame | None,
    resampling: pd.DataFrame,
    plan: pd.DataFrame,
    rollouts: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of the ``candidates`` table: what other tables had and what was drawn besides.

    Nothing that was measured is left out.

    Args:
        shortlist: rows of the table.
        branches: those that may be taken over (``known_counts``); None: there are none.
        resampling: rows of the table.
        plan: what ``plan_candidates`` gave.
        rollouts: what was drawn for the plan.
    """
    rows = known_counts(shortlist, branches, resampling).set_index(_KEY)
    drawn = join(plan, rollouts).set_index(_KEY)
    for column in COUNTS:
        rows[column] = rows[column].add(drawn[column].reindex(rows.index), fill_value=0)
    rows = rows.astype(dict.fromkeys(COUNTS, "int64")).reset_index()
    return rows.drop(columns=PLACE)
