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
from cliff_tokens.policies import Engine, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import grading, rollouts

COUNTS = ("successes", "rollouts", "unparsed", "timeouts", "truncated", "generated_tokens")
_KEY = ["cliff_id", "token_id"]


def find(
    found: pd.DataFrame, traces: pd.DataFrame, engine: Engine, tokenizer: ChatTokenizer, top: int
) -> pd.DataFrame:
    """The ``top`` most probable tokens at every cliff, and the cliff token where it is not one.

    One teacher-forced pass over each trace with a cliff, up to its last. Columns: those of the
    ``candidates`` table without the counts, and trace_id, t.
    """
    longest = found.groupby("trace_id")["t"].max()
    chosen = traces[traces["trace_id"].isin(longest.index)].sort_values("trace_id")
    if len(chosen) < len(longest):
        lost = min(set(longest.index) - set(chosen["trace_id"]))
        raise ValueError(f"{lost}: has a cliff but is not among the traces; detect cliffs again")
    sequences = [
        (trace.prompt_ids, trace.token_ids[: longest[trace.trace_id]])
        for trace in chosen.itertuples()
    ]
    scored = progress.track(engine.score(sequences), len(sequences), "trace", "candidates")
    by_trace = dict(tuple(found.groupby("trace_id")))
    nothing = most_probable(np.zeros(1), 1, 0).iloc[:0]
    parts = [nothing.assign(cliff_id="", trace_id="", t=0)]
    for trace_id, logits in zip(chosen["trace_id"], scored, strict=True):
        for cliff in by_trace[trace_id].sort_values("t").itertuples():
            part = most_probable(logits[cliff.t - 1], top, cliff.token_id)
            parts.append(part.assign(cliff_id=cliff.cliff_id, trace_id=trace_id, t=cliff.t))
    every = pd.concat(parts, ignore_index=True)
    return every.assign(token=tokenizer.pieces(every["token_id"].to_numpy(dtype=np.int64)))


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
    chosen: pd.DataFrame, branches: pd.DataFrame | None, resampling: pd.DataFrame
) -> pd.DataFrame:
    """Counts of other tables that are draws of these candidates: cliff_id, token_id, counts.

    ``branches`` are those of an estimator that did not select the cliffs, or None.
    """
    own = chosen.loc[chosen["is_sampled"], _KEY]
    kept = resampling[resampling["arm"].eq("keep")]
    parts = [own.merge(kept[["cliff_id", *COUNTS]], on="cliff_id", validate="1:1")]
    if branches is not None:
        same = branches.rename(columns={"first_token_id": "token_id"})
        place = ["trace_id", "t", "token_id"]
        parts.append(chosen[[*_KEY, "trace_id", "t"]].merge(same, on=place, validate="1:1"))
    return pd.concat([part[[*_KEY, *COUNTS]] for part in parts], ignore_index=True)


def estimate(
    found: pd.DataFrame,
    traces: pd.DataFrame,
    problems: pd.DataFrame,
    branches: pd.DataFrame | None,
    resampling: pd.DataFrame,
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    *,
    top: int,
    count: int,
    seed: int,
    store: rollouts.Store | None = None,
) -> pd.DataFrame:
    """At least ``count`` rollouts after every candidate: rows of the ``candidates`` table.

    ``branches`` and ``resampling`` hold counts that may be taken over (``known_counts``); what
    lacks at ``count`` is drawn, and nothing that was measured is left out.
    """
    sampler.check_drew(traces)
    chosen = find(found, traces, engine, tokenizer, top)
    known = known_counts(chosen, branches, resampling)
    chosen = chosen.merge(known, on=_KEY, how="left", validate="1:1")
    chosen = chosen.astype(dict.fromkeys(COUNTS, "float64")).fillna(dict.fromkeys(COUNTS, 0))
    chosen = chosen.astype(dict.fromkeys(COUNTS, "int64"))
    chosen = chosen.sort_values(["trace_id", "t", "token_id"], ignore_index=True)
    chosen["reused"] = chosen["rollouts"]
    golds = problems.set_index("problem_id")["answer"]
    by_id = {trace.trace_id: trace for trace in traces.itertuples()}
    lacking = chosen[chosen["rollouts"] < count]
    prefixes = []
    for row in lacking.itertuples():
        trace = by_id[row.trace_id]
        key = ("candidates", row.cliff_id, row.token_id)
        prefixes.append(
            rollouts.Prefix.of_branch(
                trace,
                row.t,
                row.token_id,
                engine.stops,
                sampling.streams(seed, *key, count=count - row.rollouts),
                golds[trace.problem_id],
            )
        )
    drawn = rollouts.count(prefixes, engine, tokenizer, sampler, grader, "candidates", store)
    for column in COUNTS:
        chosen.loc[lacking.index, column] += drawn[column].to_numpy()
    return chosen.drop(columns=["trace_id", "t"])
