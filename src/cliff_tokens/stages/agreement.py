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

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from cliff_tokens import progress
from cliff_tokens.policies import Engine, sampling
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.controls import match, others

CALIPER = 0.05  # largest difference of a control in the source's probability
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
