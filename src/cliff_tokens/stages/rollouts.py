"""Roll out from prefixes and count verdicts: what potential and resampling have in common.

The limit is on the whole response, so a rollout from prefix t may add ``limit - t`` tokens. What
is graded is the whole response, prefix included, as a trace would be. A response that has already
ended (by its end-of-sequence token, or at the limit) can only continue as itself.

Prefixes are rolled out in batches. Finished ones can be stored, so that a job that was stopped
goes on where it was. The batches are the same whether or not some are read back: which rows an
engine runs side by side decides the rounding of its logits, and with it, rarely, a token.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd

from cliff_tokens import progress
from cliff_tokens.policies import Completion, Engine, Request
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import grading

_GRADED_TOGETHER = 4096  # responses decoded and graded at a time; bounds the memory
# Rollouts of a batch: what a stopped job loses at most. An engine's slots run empty at the end of
# each, so a batch has to fill them many times over (benchmarks/README.md).
BATCH = 16384


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


class Store(Protocol):
    """Where finished parts of a job are kept until all are; ``script.unfinished`` makes one."""

    def read(self, name: str) -> pd.DataFrame | None:
        """What was written under this name by an earlier attempt at the same job, if anything."""

    def write(self, name: str, rows: pd.DataFrame) -> None:
        """Keep it, all at once or not at all."""


def kept(store: Store | None, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """What the store holds under this name, or what ``make`` gives, which it holds from then on."""
    rows = store.read(name) if store else None
    if rows is None:
        rows = make()
        if store:
            store.write(name, rows)
    return rows


def count(
    prefixes: Sequence[Prefix],
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    name: str,
    store: Store | None = None,
) -> pd.DataFrame:
    """Counts of each prefix, in order: the count columns of the tables, in their types.

    With a ``store``, batches that an earlier attempt finished are not rolled out again.
    """
    batches = list(_batches(prefixes))
    counts = []
    for number, (start, end) in enumerate(batches, 1):
        batch, shown = prefixes[start:end], f"{name}, batch {number} of {len(batches)}"
        draw = partial(_count, batch, engine, tokenizer, sampler, grader, shown)
        counts.append(kept(store, f"{name}-{start}-{end}", draw))
    return pd.concat(counts, ignore_index=True)


def _batches(prefixes: Sequence[Prefix]) -> Iterator[tuple[int, int]]:
    """Runs of prefixes, first and one past the last, that reach BATCH rollouts; at least one."""
    start, size = 0, 0
    for place, prefix in enumerate(prefixes):
        size += len(prefix.streams)
        if size >= BATCH:
            yield start, place + 1
            start, size = place + 1, 0
    if size or not start:
        yield start, len(prefixes)


def _count(
    prefixes: Sequence[Prefix],
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    name: str,
) -> pd.DataFrame:
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
