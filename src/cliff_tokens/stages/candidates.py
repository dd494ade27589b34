"""Candidates: the tokens that could stand in a cliff's place, and where each of them leads (RQ2).

At every cliff the most probable tokens of prefix t-1 are followed by rollouts, the cliff token
itself among them whatever its rank. A candidate is a *cliff candidate* if the rule flags the drop
from the potential before the cliff to the candidate's own.

Counts that stand in other tables are taken over where they are draws of the same thing: branches
that leave the trace with this token, and the resampling arm that keeps the cliff token. Counts
that took part in selecting the cliff are not, since they carry the luck that selected it: branches
serve cliffs of the estimator ``independent``, never those of an estimator that is made of them.
Where more was drawn than is wanted, all of it is kept.

Two readings of the cliff mass, the probability that cliff candidates carry at temperature 1:

| reading | the cliff token |
|---|---|
| published | counts as a cliff candidate whatever its own rollouts say |
| own | counts if its own rollouts say so, as every other candidate |

Both compare with the potential that selected the cliff, which is high by selection. The reading
``fresh`` takes the potential before from the arm that deletes the cliff token instead.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from cliff_tokens import progress
from cliff_tokens.exhibits.summaries import POOLED, mean_columns, median_columns, names_or_all
from cliff_tokens.policies import Policy, sampling
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan
from cliff_tokens.statistics import Intervals

READINGS = ("published", "own", "fresh")
_KEY = ["cliff_id", "token_id"]


def list_candidates(
    cliffs: pd.DataFrame, traces: pd.DataFrame, policy: Policy, top: int
) -> pd.DataFrame:
    """The ``top`` most probable tokens at every cliff, and the cliff token where it is not one.

    Rows of the ``shortlist`` table, from one teacher-forced pass over each trace with a cliff, up
    to its last.
    """
    longest = cliffs.groupby("trace_id")["t"].max()
    chosen = traces[traces["trace_id"].isin(longest.index)].sort_values("trace_id")
    policy.check_drew(chosen)
    if len(chosen) < len(longest):
        lost = min(set(longest.index) - set(chosen["trace_id"]))
        raise ValueError(f"{lost}: has a cliff but is not among the traces; detect cliffs again")
    sequences = [
        (trace.prompt_ids, trace.token_ids[: longest[trace.trace_id]])
        for trace in chosen.itertuples()
    ]
    scored = progress.track(policy.engine.score(sequences), len(sequences), "trace", "candidates")
    by_trace = dict(tuple(cliffs.groupby("trace_id")))
    parts = []
    for trace_id, logits in zip(chosen["trace_id"], scored, strict=True):
        for cliff in by_trace[trace_id].sort_values("t").itertuples():
            part = most_probable(logits[cliff.t - 1], top, cliff.token_id)
            parts.append(part.assign(cliff_id=cliff.cliff_id, trace_id=trace_id, t=cliff.t))
    listed = pd.concat(parts, ignore_index=True)
    pieces = policy.tokenizer.pieces(listed["token_id"].to_numpy(dtype=np.int64))
    return listed.assign(token=pieces)


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
        same = branches.rename(columns={"first_token_id": "token_id"})
        place = ["trace_id", "t", "token_id"]
        parts.append(shortlist[[*_KEY, "trace_id", "t"]].merge(same, on=place, validate="1:1"))
    taken = pd.concat([part[[*_KEY, *COUNTS]] for part in parts], ignore_index=True)
    rows = shortlist.merge(taken, on=_KEY, how="left", validate="1:1")
    rows = rows.astype(dict.fromkeys(COUNTS, "float64")).fillna(dict.fromkeys(COUNTS, 0))
    rows = rows.astype(dict.fromkeys(COUNTS, "int64"))
    return rows.assign(reused=rows["rollouts"])


def plan_candidates(
    shortlist: pd.DataFrame, branches: pd.DataFrame | None, resampling: pd.DataFrame, count: int
) -> pd.DataFrame:
    """What each candidate lacks at ``count`` rollouts: rows of the ``plans`` table."""
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
        branches: those that may be taken over (``known_counts``), or None.
        resampling: rows of the table.
        plan: what ``plan_candidates`` gave.
        rollouts: what was drawn for it.
    """
    rows = known_counts(shortlist, branches, resampling).set_index(_KEY)
    drawn = join(plan, rollouts).set_index(_KEY)
    for column in COUNTS:
        rows[column] = rows[column].add(drawn[column].reindex(rows.index), fill_value=0)
    rows = rows.astype(dict.fromkeys(COUNTS, "int64")).reset_index()
    return rows.drop(columns=["trace_id", "t"])


def members(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    estimates: pd.DataFrame,
    test: CliffTest,
    reading: str = "published",
    resampling: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Which candidates are cliff candidates: the rows of ``candidates`` that are.

    A candidate's drop is tested with the error of independent counts on both sides. With the
    estimator ``independent`` and 64 rollouts this is the rule of the paper. ``resampling`` is
    needed for the reading ``fresh`` alone.
    """
    if reading not in READINGS:
        raise ValueError(f"reading: expected one of {', '.join(READINGS)}, found {reading!r}")
    rows = candidates.merge(_before(cliffs, estimates, reading, resampling), on="cliff_id")
    if len(rows) != len(candidates):
        lost = min(set(candidates["cliff_id"]) - set(rows["cliff_id"]))
        raise ValueError(f"{lost}: has candidates but no potential before it; run the stage again")
    p = rows["successes"] / rows["rollouts"]
    error = np.sqrt(rows["before_se"] ** 2 + p * (1 - p) / rows["rollouts"])
    flagged = test.flags(rows["before"] - p, error)
    if reading == "published":
        flagged |= rows["is_sampled"]
    return rows.loc[flagged, candidates.columns].reset_index(drop=True)


def _before(cliffs, estimates, reading, resampling) -> pd.DataFrame:
    """cliff_id, before, before_se: the potential that candidates are compared with."""
    if reading == "fresh":
        arm = resampling[resampling["arm"].eq("del")]
        p = arm["successes"] / arm["rollouts"]
        spread = np.sqrt(p * (1 - p) / arm["rollouts"])
        return pd.DataFrame({"cliff_id": arm["cliff_id"], "before": p, "before_se": spread})
    place = ["trace_id", "t"]
    own = cliffs[["cliff_id", *place]].merge(estimates, on=place, validate="1:1")
    return own[["cliff_id", "before", "before_se"]]


def mass(candidates: pd.DataFrame, flagged: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """Cliff mass and non-cliff mass at every cliff, and how many candidates it has of each.

    ``flagged`` are the rows that ``members`` gives. Columns: cliff_id, model, kind, problem_id,
    dataset, entropy, cliff_mass, other_mass, cliff_candidates. The masses do not add up to 1:
    tokens outside the candidates carry the rest.
    """
    every = candidates.groupby("cliff_id")["probability"].sum()
    inside = flagged.groupby("cliff_id")["probability"].agg(["sum", "size"])
    rows = cliffs[["cliff_id", "model", "dataset", "problem_id", "kind", "entropy"]].copy()
    rows["cliff_mass"] = rows["cliff_id"].map(inside["sum"]).fillna(0.0)
    rows["other_mass"] = rows["cliff_id"].map(every) - rows["cliff_mass"]
    rows["cliff_candidates"] = rows["cliff_id"].map(inside["size"]).fillna(0).astype(int)
    lacking = rows["other_mass"].isna()
    if lacking.any():
        first = rows.loc[lacking, "cliff_id"].iloc[0]
        raise ValueError(f"{first}: has no candidates; estimate the candidates again")
    # The greatest candidate set can exceed its own sum by rounding only.
    rows["other_mass"] = rows["other_mass"].clip(lower=0.0)
    return rows.sort_values("cliff_id", ignore_index=True)


def masses(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    estimates: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
) -> pd.DataFrame:
    """``mass`` in every reading, with the column ``reading`` beside it."""
    return pd.concat(
        [
            mass(
                candidates,
                members(candidates, cliffs, estimates, test, reading, resampling),
                cliffs,
            ).assign(reading=reading)
            for reading in READINGS
        ],
        ignore_index=True,
    )


def hazard(
    weighed: pd.DataFrame, intervals: Intervals, models: Sequence[str] | None = None
) -> pd.DataFrame:
    """Mean mass, number of cliff candidates and entropy, per model, kind and reading.

    ``weighed`` are the rows of ``masses``; ``cliff_mass_median`` stands beside the mean, since
    the paper quotes medians.
    """
    rows = []
    for model in [*names_or_all(models, weighed["model"]), POOLED]:
        for kind in (*taxonomy.KINDS, POOLED):
            for reading in READINGS:
                cell = weighed[weighed["reading"].eq(reading)]
                cell = cell if model == POOLED else cell[cell["model"].eq(model)]
                cell = cell if kind == POOLED else cell[cell["kind"].eq(kind)]
                cluster = cell["dataset"] + "/" + cell["problem_id"]
                rows.append(
                    {
                        "model": model,
                        "kind": kind,
                        "reading": reading,
                        "n": len(cell),
                        "problems": cluster.nunique(),
                        **median_columns(
                            "cliff_mass_median", cell["cliff_mass"], cluster, intervals
                        ),
                        **mean_columns("cliff_mass", cell["cliff_mass"], cluster, intervals),
                        **mean_columns("other_mass", cell["other_mass"], cluster, intervals),
                        **mean_columns(
                            "cliff_candidates", cell["cliff_candidates"], cluster, intervals
                        ),
                        **mean_columns("entropy", cell["entropy"], cluster, intervals),
                    }
                )
    return pd.DataFrame(rows)


def tempered(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [candidates] at another temperature, renormalized over the candidates.

    Temperature 0 puts everything on the most probable one (the first in a tie).
    """
    probability = np.asarray(probability, dtype=float)
    if temperature == 0:
        return (np.arange(len(probability)) == probability.argmax()).astype(float)
    logs = np.log(probability) / temperature
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def what_if(
    candidates: pd.DataFrame,
    flagged: pd.DataFrame,
    cliffs: pd.DataFrame,
    temperatures: Sequence[float],
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Cliff mass and expected potential had the next token alone been drawn at a temperature.

    Means over the cliffs of a model and kind; probabilities are renormalized over the candidates,
    and everything after that token is as the rollouts had it.
    """
    flagged = pd.MultiIndex.from_frame(flagged[_KEY])
    rows = candidates.assign(
        is_cliff=pd.MultiIndex.from_frame(candidates[_KEY]).isin(flagged),
        potential=candidates["successes"] / candidates["rollouts"],
    ).sort_values([*_KEY[:1], "rank", "token_id"])
    parts = []
    for temperature in temperatures:
        weight = rows.groupby("cliff_id")["probability"].transform(
            lambda p, temperature=temperature: tempered(p.to_numpy(), temperature)
        )
        at = pd.DataFrame(
            {
                "cliff_id": rows["cliff_id"],
                "cliff_mass": weight * rows["is_cliff"],
                "potential": weight * rows["potential"],
            }
        )
        sums = at.groupby("cliff_id", as_index=False).sum()
        parts.append(sums.assign(temperature=float(temperature)))
    owned = pd.concat(parts).merge(
        cliffs[["cliff_id", "model", "dataset", "problem_id", "kind"]], on="cliff_id"
    )
    owned["cluster"] = owned["dataset"] + "/" + owned["problem_id"]
    table = []
    for model in names_or_all(models, cliffs["model"]):
        for kind in (*taxonomy.KINDS, POOLED):
            for temperature in temperatures:
                cell = owned[owned["model"].eq(model) & owned["temperature"].eq(temperature)]
                cell = cell if kind == POOLED else cell[cell["kind"].eq(kind)]
                table.append(
                    {
                        "model": model,
                        "kind": kind,
                        "temperature": float(temperature),
                        "n": len(cell),
                        **mean_columns(
                            "cliff_mass", cell["cliff_mass"], cell["cluster"], intervals
                        ),
                        **mean_columns("potential", cell["potential"], cell["cluster"], intervals),
                    }
                )
    return pd.DataFrame(table)


def recovery(candidates: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """Counts of the sampled and of the greedy token at every sampled-off cliff.

    Columns: cliff_id, model, dataset, problem_id, and successes and rollouts of both.
    """
    found = cliffs.loc[
        cliffs["kind"].eq("sampled_off"), ["cliff_id", "model", "dataset", "problem_id"]
    ]
    for name in ("sampled", "greedy"):
        part = candidates[candidates[f"is_{name}"]].set_index("cliff_id")
        counts = part[["successes", "rollouts"]].add_suffix(f"_{name}")
        found = found.join(counts, on="cliff_id")
    return found.sort_values("cliff_id", ignore_index=True)
