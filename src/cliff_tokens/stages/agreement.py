"""Agreement: how probable another model finds a model's cliff tokens (paper, RQ3).

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
from cliff_tokens.stages.controls import match, others
from cliff_tokens.stages.taxonomy import entropy_threshold
from cliff_tokens.tables import PLACE, require

CALIPER = 0.05  # largest difference of a control in the source's probability
# Added to the distance of a control on the other side of the entropy threshold. No difference in
# probability is as large, so that such a control is taken only where no other is left.
_OTHER_ENTROPY = 1.0


def match_controls(cliffs: pd.DataFrame, tokens: pd.DataFrame, certain: float) -> pd.DataFrame:
    """A control token for each cliff of one model and data set: cliff_id, trace_id, t.

    A control differs by at most ``CALIPER`` in probability, is greedy if and only if the cliff
    token is, and lies on the same side of the entropy threshold where such a token is left.
    """
    limit = entropy_threshold(certain)

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        difference = np.abs(pool["source_probability"].to_numpy() - cliff.source_probability)
        greedy = pool["rank"].to_numpy() == 1
        low = pool["entropy"].to_numpy() <= limit
        eligible = (difference <= CALIPER) & (greedy == (cliff.source_rank == 1))
        other = low != (cliff.entropy <= limit)
        return np.where(eligible, difference + _OTHER_ENTROPY * other, np.inf)

    probability = np.exp(tokens["logprob"].to_numpy(np.float64))
    pool = others(tokens.assign(source_probability=probability), cliffs)
    scores = _scores(cliffs, tokens)
    return match(scores, pool, distance, "source_probability", CALIPER).drop(columns="taken")


def ask(
    cliffs: pd.DataFrame, candidates: pd.DataFrame, tokens: pd.DataFrame, controls: pd.DataFrame
) -> pd.DataFrame:
    """Every token to ask about, with its probability and rank in the source.

    Rows of the ``agreement`` table without the columns that the evaluator fills: evaluator,
    probability and rank. ``controls`` is what ``match_controls`` gives.
    """
    unknown = set(candidates["cliff_id"]) - set(cliffs["cliff_id"])
    if unknown:
        raise ValueError(f"{min(unknown)}: has candidates but is not among the cliffs")
    of_source = {"probability": "source_probability", "rank": "source_rank"}
    listed = candidates.rename(columns=of_source).merge(cliffs[["cliff_id", *PLACE]], on="cliff_id")
    cliff_tokens = _scores(cliffs, tokens).assign(is_sampled=True)
    control = _scores(controls, tokens).assign(is_sampled=True, group="control")
    columns = [
        "cliff_id", "group", "trace_id", "t", "token_id", "is_sampled", "source_probability",
        "source_rank",
    ]  # fmt: skip
    # The candidates hold the cliff token where it is one of the most probable.
    cliff = pd.concat([listed, cliff_tokens]).assign(group="cliff")
    cliff = cliff.drop_duplicates(["cliff_id", "token_id"])
    agreement = pd.concat([cliff[columns], control[columns]])
    return agreement.sort_values([*PLACE, "group", "cliff_id", "token_id"], ignore_index=True)


@dataclass(frozen=True)
class Reader:
    """A model by its name in the catalogue, and the tokenizer it reads with."""

    name: str
    tokenizer: ChatTokenizer


def score(
    agreement: pd.DataFrame,
    traces: pd.DataFrame,
    source: Reader,
    evaluator: Reader,
    engine: Engine,
    context: int,
) -> pd.DataFrame:
    """Probability and rank of every token in the evaluator: rows of the ``agreement`` table.

    One teacher-forced pass over each trace that holds any of the tokens, up to the last of them.

    Args:
        agreement: what ``ask`` gives.
        traces: rows of the table, of the source.
        source: the model that wrote the traces.
        evaluator: the model that is asked.
        engine: the evaluator's.
        context: tokens that the evaluator can read, prompt included.
    """
    longest = agreement.groupby("trace_id")["t"].max()
    traces = traces[traces["trace_id"].isin(longest.index)].sort_values("trace_id")
    sequences = [
        (trace.prompt_ids, trace.token_ids[: longest[trace.trace_id]])
        for trace in traces.itertuples()
    ]
    for trace_id, (prompt, read) in zip(traces["trace_id"], sequences, strict=True):
        if len(prompt) + len(read) > context:
            raise ValueError(
                f"{trace_id}: {evaluator.name} would have to read {len(prompt) + len(read)} "
                f"tokens, but its context is {context}; take the pair out of agreement.pairs"
            )
    ids = np.unique(
        np.concatenate([agreement["token_id"], *(part for pair in sequences for part in pair)])
    )
    other = source.tokenizer.first_difference(evaluator.tokenizer, ids)
    if other is not None:
        raise ValueError(
            f"{source.name} and {evaluator.name}: token {other} is not the same in their "
            "tokenizers, so that one cannot read what the other wrote; take the pair out of "
            "agreement.pairs"
        )
    agreement = agreement.assign(probability=0.0, rank=0)
    passes = progress.track(engine.score(sequences), len(sequences), "trace", "agreement")
    for trace_id, logits in zip(traces["trace_id"], passes, strict=True):
        for t, rows in agreement[agreement["trace_id"] == trace_id].groupby("t"):
            probability, rank = read_off(logits[t - 1], rows["token_id"].to_numpy())
            agreement.loc[rows.index, "probability"] = probability
            agreement.loc[rows.index, "rank"] = rank
    return agreement.assign(evaluator=evaluator.name)


def read_off(logits: np.ndarray, token_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability (temperature 1, full vocabulary) and tie-aware rank of some next tokens.

    ``logits`` [vocabulary], ``token_ids`` [tokens] -> float64 [tokens], int64 [tokens].
    """
    log_probabilities = log_softmax(np.asarray(logits, dtype=np.float64))
    return np.exp(log_probabilities[token_ids]), sampling.ranks(log_probabilities[None], token_ids)


def _scores(cliffs: pd.DataFrame, tokens: pd.DataFrame) -> pd.DataFrame:
    """The source's score of the token at each cliff, or control: one row for each."""
    columns = [*PLACE, "token_id", "logprob", "rank", "entropy"]
    scores = cliffs[["cliff_id", *PLACE]].merge(
        tokens[columns], on=PLACE, how="left", validate="m:1"
    )
    scored = scores["token_id"].notna()
    require(scores, scored, "{cliff_id}: no score of its token; score the traces again")
    scores["source_probability"] = np.exp(scores["logprob"].to_numpy(np.float64))
    return scores.rename(columns={"rank": "source_rank"})
