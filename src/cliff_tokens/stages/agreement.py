"""Agreement: what another model thinks of a model's cliff tokens (paper, RQ3).

The source owns the cliff; the evaluator reads the same token ids, prompt included, and says how
probable it finds each candidate there. Cliffs are selected on the source, and a token that one
model of a family all but always writes is one that the others write too. Every cliff therefore has
a control: a token of the source that is no cliff and that the source finds as probable.

| group | tokens asked about |
|---|---|
| cliff | the cliff token and every other candidate at its position |
| control | the matched token alone, under the ``cliff_id`` it was matched to |
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from cliff_tokens import progress
from cliff_tokens.exhibits.summaries import (
    POOLED,
    mean_columns,
    median_columns,
    owners_of,
    share_columns,
)
from cliff_tokens.policies import Engine, sampling
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.controls import match, others
from cliff_tokens.statistics import Intervals

CALIPER = 0.05  # largest difference of a control in the source's probability
TOP = 20  # ranks beyond are pooled, as in the paper's heat maps
_OTHER_ENTROPY = 1.0  # more than any difference in probability: only where nothing else is left


def match_controls(cliffs: pd.DataFrame, tokens: pd.DataFrame, certain: float) -> pd.DataFrame:
    """A control token for each cliff of one model and data set: cliff_id, trace_id, t.

    It differs by at most ``CALIPER`` in probability, is greedy if and only if the cliff token is,
    and lies on the same side of the entropy threshold where such a token is left.
    """
    limit = taxonomy.entropy_threshold(certain)

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        far = np.abs(pool["source_probability"].to_numpy() - cliff.source_probability)
        greedy = pool["rank"].to_numpy() == 1
        low = pool["entropy"].to_numpy() <= limit
        eligible = (far <= CALIPER) & (greedy == (cliff.source_rank == 1))
        other = low != (cliff.entropy <= limit)
        return np.where(eligible, far + _OTHER_ENTROPY * other, np.inf)

    probability = np.exp(tokens["logprob"].to_numpy(np.float64))
    pool = others(tokens.assign(source_probability=probability), cliffs)
    return match(_scores(cliffs, tokens), pool, distance).drop(columns="taken")


def ask(
    cliffs: pd.DataFrame, candidates: pd.DataFrame, tokens: pd.DataFrame, controls: pd.DataFrame
) -> pd.DataFrame:
    """Every token to ask about, with what the source thought of it.

    Columns: those of the ``agreement`` table but the evaluator's.
    """
    own = _scores(cliffs, tokens).assign(is_sampled=True)
    there = candidates.rename(columns={"probability": "source_probability"})
    there = there.rename(columns={"rank": "source_rank"}).merge(
        cliffs[["cliff_id", "trace_id", "t"]], on="cliff_id"
    )
    if len(there) != len(candidates):
        unknown = min(set(candidates["cliff_id"]) - set(cliffs["cliff_id"]))
        raise ValueError(f"{unknown}: has candidates but is not among the cliffs")
    control = _scores(controls, tokens).assign(is_sampled=True, group="control")
    columns = [
        "cliff_id", "group", "trace_id", "t", "token_id", "is_sampled", "source_probability",
        "source_rank",
    ]  # fmt: skip
    # The candidates hold the cliff token where it is one of the most probable.
    cliff = pd.concat([there.assign(group="cliff"), own.assign(group="cliff")])
    cliff = cliff.drop_duplicates(["cliff_id", "token_id"])
    asked = pd.concat([cliff[columns], control[columns]])
    return asked.sort_values(["trace_id", "t", "group", "cliff_id", "token_id"], ignore_index=True)


@dataclass(frozen=True)
class Reader:
    """A model by its name in the catalogue, and the tokenizer it reads with."""

    name: str
    tokenizer: ChatTokenizer


def score(
    asked: pd.DataFrame,
    traces: pd.DataFrame,
    source: Reader,
    evaluator: Reader,
    engine: Engine,
    context: int,
) -> pd.DataFrame:
    """What the evaluator thinks of every token it is asked about: rows of the ``agreement`` table.

    One teacher-forced pass over each trace that holds any, up to the last of them.

    Args:
        asked: what ``ask`` gives.
        traces: rows of the table, of the source.
        source: who wrote the traces.
        evaluator: who is asked.
        engine: the evaluator's.
        context: tokens that the evaluator reads, prompt included.
    """
    longest = asked.groupby("trace_id")["t"].max()
    chosen = traces[traces["trace_id"].isin(longest.index)].sort_values("trace_id")
    sequences = [
        (trace.prompt_ids, trace.token_ids[: longest[trace.trace_id]])
        for trace in chosen.itertuples()
    ]
    for trace_id, (prompt, read) in zip(chosen["trace_id"], sequences, strict=True):
        if len(prompt) + len(read) > context:
            raise ValueError(
                f"{trace_id}: {evaluator.name} would have to read {len(prompt) + len(read)} "
                f"tokens, but its context is {context}; take the pair out of agreement.pairs"
            )
    ids = np.unique(
        np.concatenate([asked["token_id"], *(part for pair in sequences for part in pair)])
    )
    other = source.tokenizer.first_difference(evaluator.tokenizer, ids)
    if other is not None:
        raise ValueError(
            f"{source.name} and {evaluator.name}: token {other} is not the same in their "
            "tokenizers, so that one cannot read what the other wrote; take the pair out of "
            "agreement.pairs"
        )
    asked = asked.assign(probability=0.0, rank=0)
    scored = progress.track(engine.score(sequences), len(sequences), "trace", "agreement")
    for trace_id, logits in zip(chosen["trace_id"], scored, strict=True):
        for t, part in asked[asked["trace_id"] == trace_id].groupby("t"):
            measured = read_off(logits[t - 1], part["token_id"].to_numpy())
            asked.loc[part.index, "probability"], asked.loc[part.index, "rank"] = measured
    return asked.assign(evaluator=evaluator.name)


def read_off(logits: np.ndarray, token_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability (temperature 1, full vocabulary) and tie-aware rank of some next tokens.

    ``logits`` [vocabulary], ``token_ids`` [tokens] -> float64 [tokens], int64 [tokens].
    """
    log_probabilities = log_softmax(np.asarray(logits, dtype=np.float64))
    return np.exp(log_probabilities[token_ids]), sampling.ranks(log_probabilities[None], token_ids)


def mass(scored: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Cliff mass of source and evaluator over the source's cliff candidates, and the difference.

    ``members`` (cliff_id, token_id) says which candidates are cliff candidates. Columns: cliff_id,
    evaluator, source_mass, evaluator_mass, delta. Regression toward the mean is part of ``delta``:
    the candidates are those that the source makes probable.
    """
    own = scored[scored["group"] == "cliff"]
    keys = ["cliff_id", "token_id"]
    inside = pd.MultiIndex.from_frame(own[keys]).isin(pd.MultiIndex.from_frame(members[keys]))
    inside = own[["cliff_id", "evaluator"]].assign(
        source_mass=own["source_probability"].where(inside, 0.0),
        evaluator_mass=own["probability"].where(inside, 0.0),
    )
    sums = inside.groupby(["cliff_id", "evaluator"], as_index=False).sum()
    return sums.assign(delta=sums["evaluator_mass"] - sums["source_mass"])


def matched(scored: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """Each cliff token as every evaluator sees it, with its control beside it.

    Columns: cliff_id, source, evaluator, kind, cluster (the problem), ``source_rank``, ``rank``,
    ``first`` (1.0 where the evaluator ranks it first) and ``shift`` (probability, evaluator minus
    source), and the same of the control as ``control_...``, NaN where a cliff has none.
    """
    sampled = scored[scored["is_sampled"]].copy()
    sampled["first"] = (sampled["rank"] == 1).astype(float)
    sampled["shift"] = sampled["probability"] - sampled["source_probability"]
    measures = ["source_rank", "rank", "first", "shift"]
    own, control = (sampled[sampled["group"] == name] for name in ("cliff", "control"))
    key = ["cliff_id", "evaluator"]
    both = own[[*key, "trace_id", *measures]].merge(
        control[[*key, *measures]].rename(columns={name: f"control_{name}" for name in measures}),
        on=key,
        how="left",
        validate="1:1",
    )
    both = both.merge(cliffs[["cliff_id", "kind"]], on="cliff_id", how="left")
    if both["kind"].isna().any():
        first = both.loc[both["kind"].isna(), "cliff_id"].iloc[0]
        raise ValueError(f"{first}: was scored but is not among the cliffs; score it again")
    (owners,) = owners_of(both)
    both["source"], both["cluster"] = owners["model"], owners["cluster"]
    return both.sort_values(key, ignore_index=True)


def changes(scored: pd.DataFrame, cliffs: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """What changes from source to evaluator at every cliff, one row for each measure.

    Columns: source, evaluator, kind, measure, cliff_id, value, and over the rows that share all
    but the last two, n and median. Measures: ``mass`` (the cliff mass), ``token`` and ``control``
    (the probability of the cliff token, and of its control).
    """
    both = matched(scored, cliffs).merge(
        mass(scored, members), on=["cliff_id", "evaluator"], how="left", validate="1:1"
    )
    cell = ["source", "evaluator", "kind", "measure"]
    named = both.rename(columns={"delta": "mass", "shift": "token", "control_shift": "control"})
    rows = named.melt(
        ["source", "evaluator", "kind", "cliff_id"],
        ["mass", "token", "control"],
        var_name="measure",
    ).dropna(subset="value")
    values = rows.groupby(cell)["value"]
    rows = rows.assign(n=values.transform("size"), median=values.transform("median"))
    rows = rows.sort_values([*cell, "cliff_id"], ignore_index=True)
    return rows[[*cell, "cliff_id", "value", "n", "median"]]


def transitions(
    scored: pd.DataFrame, cliffs: pd.DataFrame, kind: str, pairs: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """How many tokens of each source rank have each evaluator rank, for one kind of cliff.

    Columns: source, evaluator, group (cliff, control), source_rank, rank, count; rank
    ``TOP`` + 1 stands for all ranks beyond. Only ranks that occur have a row.
    """
    both = matched(scored, cliffs)
    both = both[both["kind"] == kind]
    parts = []
    for group, prefix in (("cliff", ""), ("control", "control_")):
        ranks = both[[f"{prefix}source_rank", f"{prefix}rank"]].dropna().clip(upper=TOP + 1)
        part = both.loc[ranks.index, ["source", "evaluator"]].assign(group=group)
        parts.append(part.assign(**{"source_rank": ranks.iloc[:, 0], "rank": ranks.iloc[:, 1]}))
    columns = ["source", "evaluator", "group", "source_rank", "rank"]
    every = pd.concat(parts).astype({"source_rank": int, "rank": int})
    counted = every.value_counts(columns, sort=False).rename("count").reset_index()
    order = {tuple(pair): place for place, pair in enumerate(pairs)}
    places = [order.get(pair) for pair in zip(counted["source"], counted["evaluator"], strict=True)]
    counted = counted.assign(place=places).dropna(subset="place")
    counted = counted.sort_values(["place", *columns[2:]], ignore_index=True)
    return counted.drop(columns="place")


def summarize(
    scored: pd.DataFrame,
    cliffs: pd.DataFrame,
    members: pd.DataFrame,
    intervals: Intervals,
    pairs: Sequence[Sequence[str]],
) -> pd.DataFrame:
    """Cliffs and their controls in the eyes of the evaluator, per ordered pair and kind.

    ``n`` counts cliffs and ``controls`` those that have one; ``difference`` and
    ``shift_difference`` are means over the latter, cliff minus control. ``first`` counts tokens
    that the evaluator ranks first. ``delta`` is the change of the cliff mass (mean, and median).
    """
    both = matched(scored, cliffs).merge(
        mass(scored, members), on=["cliff_id", "evaluator"], how="left", validate="1:1"
    )
    both["difference"] = both["first"] - both["control_first"]
    both["shift_difference"] = both["shift"] - both["control_shift"]
    rows = []
    for source, evaluator in pairs:
        for kind in (*taxonomy.KINDS, POOLED):
            cell = both[both["source"].eq(source) & both["evaluator"].eq(evaluator)]
            cell = cell if kind == POOLED else cell[cell["kind"].eq(kind)]
            control = cell[cell["control_first"].notna()]
            rows.append(
                {
                    "source": source,
                    "evaluator": evaluator,
                    "kind": kind,
                    "n": len(cell),
                    "first": int(cell["first"].sum()),
                    **share_columns("share_first", cell["first"], cell["cluster"], intervals),
                    "controls": len(control),
                    "control_first": int(control["control_first"].sum()),
                    **share_columns(
                        "control_share_first",
                        control["control_first"],
                        control["cluster"],
                        intervals,
                    ),
                    **_mean("difference", control, intervals),
                    **_mean("shift", cell, intervals),
                    **_mean("control_shift", control, intervals),
                    **_mean("shift_difference", control, intervals),
                    **_mean("delta", cell, intervals),
                    **median_columns("delta_median", cell["delta"], cell["cluster"], intervals),
                }
            )
    return pd.DataFrame(rows)


def _mean(name: str, cell: pd.DataFrame, intervals: Intervals) -> dict:
    return mean_columns(name, cell[name], cell["cluster"], intervals)


def _scores(chosen: pd.DataFrame, tokens: pd.DataFrame) -> pd.DataFrame:
    """cliff_id, trace_id, t and the source's score of the token there, one row for each."""
    scored = chosen[["cliff_id", "trace_id", "t"]].merge(
        tokens[["trace_id", "t", "token_id", "logprob", "rank", "entropy"]],
        on=["trace_id", "t"],
        how="left",
        validate="m:1",
    )
    if scored["token_id"].isna().any():
        first = scored.loc[scored["token_id"].isna(), "cliff_id"].iloc[0]
        raise ValueError(f"{first}: no score of its token; score the traces again")
    scored["source_probability"] = np.exp(scored["logprob"].to_numpy(np.float64))
    return scored.rename(columns={"rank": "source_rank"})
