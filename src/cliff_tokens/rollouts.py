"""Roll out from prefixes and count verdicts: what potential and resampling have in common.

The limit is on the whole response, so a rollout from prefix t may add ``limit - t`` tokens. What
is graded is the whole response, prefix included, as a trace would be. A response that has already
ended (by its end-of-sequence token, or at the limit) can only continue as itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cliff_tokens import grading, progress
from cliff_tokens.engines import Completion, Engine, Request
from cliff_tokens.prompts import ChatTokenizer
from cliff_tokens.sampling import Sampler

_GRADED_TOGETHER = 4096  # responses decoded and graded at a time; bounds the memory


@dataclass(frozen=True)
class Prefix:
    """Where rollouts start: x_1 .. x_t of a response, and whether that response is over."""

    prompt_ids: np.ndarray  # int32
    token_ids: np.ndarray  # int32 [t]
    streams: np.ndarray  # uint64 [rollouts]
    limit: int  # tokens of the whole response
    ended: bool
    gold: str

    @classmethod
    def of_trace(cls, trace, t: int, streams: np.ndarray, gold: str) -> "Prefix":
        """Prefix t of a row of the ``traces`` table."""
        ended = t == len(trace.token_ids)
        return cls(trace.prompt_ids, trace.token_ids[:t], streams, trace.max_tokens, ended, gold)

    @classmethod
    def of_branch(
        cls, trace, t: int, token_id: int, stops: np.ndarray, streams: np.ndarray, gold: str
    ) -> "Prefix":
        """Prefix t-1 of a row of the ``traces`` table and another token in place of x_t."""
        response = np.append(trace.token_ids[: t - 1], np.int32(token_id))
        ended = token_id in stops or t == trace.max_tokens
        return cls(trace.prompt_ids, response, streams, trace.max_tokens, ended, gold)


def count(
    prefixes: Sequence[Prefix],
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    name: str,
) -> pd.DataFrame:
    """Counts of each prefix, in order: the count columns of the tables, in their types."""
    tally = {
        column: np.zeros(len(prefixes), dtype=np.int64)
        for column in ("successes", "unparsed", "timeouts", "truncated", "generated_tokens")
    }

    def record(batch: list[Completion]) -> None:
        places = np.array([open_places[done.request] for done in batch])
        responses = [
            np.concatenate([prefixes[place].token_ids, done.token_ids])
            for place, done in zip(places, batch, strict=True)
        ]
        golds = [prefixes[place].gold for place in places]
        add(places, responses, golds, np.ones(len(batch), dtype=np.int64))
        np.add.at(tally["truncated"], places, [done.finish == "length" for done in batch])
        np.add.at(tally["generated_tokens"], places, [len(done.token_ids) for done in batch])

    def add(places: np.ndarray, responses: list, golds: list[str], weights: np.ndarray) -> None:
        answers = [grading.extract(text) for text in tokenizer.texts(responses)]
        verdicts = np.array(grader.grade(list(zip(golds, answers, strict=True))))
        for column, verdict in _COUNTED:
            np.add.at(tally[column], places, weights * (verdicts == verdict))

    ended = np.array([place for place, prefix in enumerate(prefixes) if prefix.ended], dtype=int)
    if len(ended):
        over = [prefixes[place] for place in ended]
        weights = np.array([len(prefix.streams) for prefix in over])
        add(ended, [prefix.token_ids for prefix in over], [prefix.gold for prefix in over], weights)
    open_places = [place for place, prefix in enumerate(prefixes) if not prefix.ended]
    requests = [_request(prefixes[place]) for place in open_places]
    total = sum(len(request.streams) for request in requests)
    batch: list[Completion] = []
    for completion in progress.track(engine.generate(requests, sampler), total, "rollout", name):
        batch.append(completion)
        if len(batch) == _GRADED_TOGETHER:
            record(batch)
            batch = []
    if batch:
        record(batch)
    tally["rollouts"] = np.array([len(prefix.streams) for prefix in prefixes], dtype=np.int64)
    return pd.DataFrame(tally)


_COUNTED = (("successes", "correct"), ("unparsed", "unparsed"), ("timeouts", "timeout"))


def _request(prefix: Prefix) -> Request:
    ids = np.concatenate([prefix.prompt_ids, prefix.token_ids]).astype(np.int32)
    return Request(ids, prefix.streams, prefix.limit - len(prefix.token_ids))
