"""Rollouts: from a plan to counts of verdicts, one way for every stage that draws.

A row of the ``plans`` table says where rollouts start (tokens kept of a trace and, in a branch, the
token that follows them), how many there are, and what keys their random numbers. A plan is made of
tables alone and can be read before anything is spent on it.

The limit is on the whole response, so a rollout from prefix t may add ``limit - t`` tokens. What
is graded is the whole response, prefix included, as a trace would be. A response that has already
ended (by its end-of-sequence token, or at the limit) can only continue as itself.

Beside the counts stands where rollouts *leave* the trace that they started on: at the first token
that is not the trace's. One that follows it to its end leaves nowhere.

Prefixes are rolled out in batches. Finished ones can be stored, so that a job that was stopped
goes on where it was. The batches are the same whether or not some are read back: which rows an
engine runs side by side decides the rounding of its logits, and with it, rarely, a token.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd

from cliff_tokens import progress
from cliff_tokens.policies import Completion, Policy, Request
from cliff_tokens.policies.sampling import streams
from cliff_tokens.stages.extraction import Extraction
from cliff_tokens.stages.grading import Grader
from cliff_tokens.tables import require

COUNTS = ("successes", "rollouts", "unparsed", "timeouts", "truncated", "generated_tokens")
# Positions that rollouts leave the trace at, how many leave at each, and how many of these succeed.
LEAVING = ("left_at", "leavers", "leaver_successes")
_COUNTED = (("successes", "correct"), ("unparsed", "unparsed"), ("timeouts", "timeout"))
_GRADED_TOGETHER = 4096  # responses decoded and graded at a time; bounds the memory
# Rollouts of a batch: what a stopped job loses at most. An engine's slots run empty at the end of
# each, so a batch has to fill them many times over (benchmarks/README.md). Of a slow engine so many
# are hours of work.
BATCH = 16384
SLOW_BATCH = 2048


@dataclass(frozen=True)
class Prefix:
    """Where rollouts start: x_1 .. x_t of a response, and whether that response is over."""

    prompt_ids: np.ndarray  # int32
    token_ids: np.ndarray  # int32 [t]
    trace_ids: np.ndarray  # int32 [T], the whole response that rollouts may follow or leave
    streams: np.ndarray  # uint64 [rollouts]
    limit: int  # tokens of the whole response
    ended: bool
    gold: str


class Store(Protocol):
    """Where finished parts of a job are kept until all are; ``script.resumable`` makes one."""

    def read(self, name: str) -> pd.DataFrame | None:
        """What was written under this name by an earlier attempt at the same job, if anything."""

    def write(self, name: str, rows: pd.DataFrame) -> None:
        """Keep the rows under this name, all at once or not at all."""


def kept(store: Store | None, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """What the store holds under this name, or what ``make`` gives, which it holds from then on."""
    rows = store.read(name) if store else None
    if rows is None:
        rows = make()
        if store:
            store.write(name, rows)
    return rows


def make_plan(rows: pd.DataFrame, keys: list[tuple]) -> pd.DataFrame:
    """Rows of the ``plans`` table from where rollouts start, and a key for each row.

    ``rows`` has trace_id, prefix_t and rollouts, and what else of the table applies.
    """
    absent = {name: None for name in ("cliff_id", "arm", "token_id") if name not in rows}
    planned = rows.assign(key=[json.dumps(key) for key in keys], **absent)
    columns = ["key", "cliff_id", "arm", "trace_id", "prefix_t", "token_id", "rollouts"]
    return planned[columns].astype({"token_id": "Int64"}).reset_index(drop=True)


def shard(plan: pd.DataFrame, number: int, count: int) -> pd.DataFrame:
    """The rows of shard ``number`` (1 .. count): all of a trace's, of every count-th trace."""
    if not 1 <= number <= count:
        raise ValueError(f"shard: expected 1 .. {count}, found {number}")
    chosen = np.sort(plan["trace_id"].unique())[number - 1 :: count]
    return plan[plan["trace_id"].isin(chosen)].reset_index(drop=True)


def roll_out(
    plan: pd.DataFrame,
    traces: pd.DataFrame,
    problems: pd.DataFrame,
    policy: Policy,
    grader: Grader,
    *,
    seed: int,
    name: str,
    store: Store | None = None,
) -> pd.DataFrame:
    """Draw what is planned: rows of the ``rollouts`` table, in the plan's order.

    Args:
        plan: rows of the ``plans`` table.
        traces: rows of the table; the plan's traces are among them.
        problems: rows of the table; hold the gold answers.
        policy: whose rollouts these are; it has to be the traces'.
        grader: grades the responses.
        seed: of the run; keys the random numbers together with each row's key.
        name: what the progress and the stored batches are called.
        store: holds batches that an earlier attempt finished; null keeps none.
    """
    chosen = traces[traces["trace_id"].isin(plan["trace_id"])]
    policy.check_drew(chosen)
    golds = problems.set_index("problem_id")["answer"]
    extraction = Extraction.of(problems)
    stops = policy.stops(extraction.until)
    by_id = {trace.trace_id: trace for trace in chosen.itertuples()}
    prefixes = []
    for row in plan.itertuples():
        trace = by_id[row.trace_id]
        response = trace.token_ids[: row.prefix_t]
        ended = row.prefix_t == len(trace.token_ids)
        if not pd.isna(row.token_id):
            response = np.append(response, np.int32(row.token_id))
            ended = row.token_id in stops or len(response) == trace.max_tokens
        drawn = streams(seed, *json.loads(row.key), count=row.rollouts)
        gold = golds[trace.problem_id]
        prefixes.append(
            Prefix(
                trace.prompt_ids, response, trace.token_ids, drawn, trace.max_tokens, ended, gold
            )
        )
    counts = count(prefixes, extraction, policy, grader, name, store)
    return pd.concat([plan[["key"]].reset_index(drop=True), counts], axis=1)


def reuse(plan: pd.DataFrame, other_plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``rollouts``, which were drawn for ``other_plan``, that answer rows of ``plan``.

    They do if the other plan has an equal row: as many rollouts, with the same key, from the same
    prefix.
    """
    columns = ["key", "trace_id", "prefix_t", "token_id", "rollouts"]
    equal = plan[columns].merge(other_plan[columns], on=columns)
    return rollouts[rollouts["key"].isin(equal["key"])]


def join(plan: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """The plan with the columns of its rollouts; refuses what was not drawn for it."""
    joined = plan.merge(rollouts, on="key", how="outer", suffixes=("_planned", ""), indicator=True)
    require(
        joined,
        joined["_merge"].eq("both") & joined["rollouts"].eq(joined["rollouts_planned"]),
        "{key}: planned {rollouts_planned} rollouts, found {rollouts}; roll the plan out again",
    )
    return joined.drop(columns=["_merge", "rollouts_planned"])


def count(
    prefixes: Sequence[Prefix],
    extraction: Extraction,
    policy: Policy,
    grader: Grader,
    name: str,
    store: Store | None = None,
) -> pd.DataFrame:
    """Counts of each prefix, in order: ``COUNTS`` and ``LEAVING``.

    Args:
        prefixes: where rollouts start, each with a random stream for each of its rollouts.
        extraction: how answers are found in responses.
        policy: whose rollouts these are.
        grader: grades the responses.
        name: what the progress and the stored batches are called.
        store: holds batches that an earlier attempt finished; null keeps none.
    """
    size = SLOW_BATCH if policy.engine.slow else BATCH
    batches = list(_batches(prefixes, size))
    counts = []
    for number, (start, end) in enumerate(batches, 1):
        batch, shown = prefixes[start:end], f"{name}, batch {number} of {len(batches)}"
        draw = partial(_count, batch, extraction, policy, grader, shown)
        counts.append(kept(store, f"{name}-{start}-{end}", draw))
    return pd.concat(counts, ignore_index=True)[[*COUNTS, *LEAVING]]


def _batches(prefixes: Sequence[Prefix], size: int) -> Iterator[tuple[int, int]]:
    """Runs of prefixes, first and one past the last, that reach ``size`` rollouts; at least one."""
    start, held = 0, 0
    for place, prefix in enumerate(prefixes):
        held += len(prefix.streams)
        if held >= size:
            yield start, place + 1
            start, held = place + 1, 0
    if held or not start:
        yield start, len(prefixes)


def _count(
    prefixes: Sequence[Prefix], extraction: Extraction, policy: Policy, grader: Grader, name: str
) -> pd.DataFrame:
    """Counts of one batch."""
    tally = {
        column: np.zeros(len(prefixes), dtype=np.int64) for column in COUNTS if column != "rollouts"
    }
    leavers: list[pd.DataFrame] = []

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
        answers = [extraction.extract(text) for text in policy.tokenizer.texts(responses)]
        verdicts = np.array(grader.grade(list(zip(golds, answers, strict=True))))
        for column, verdict in _COUNTED:
            np.add.at(tally[column], places, weights * (verdicts == verdict))
        left = [
            leaves_at(response, prefixes[place].trace_ids)
            for place, response in zip(places, responses, strict=True)
        ]
        succeeded = weights * (verdicts == "correct")
        leavers.append(
            pd.DataFrame(
                {
                    "place": places,
                    "left_at": left,
                    "leavers": weights,
                    "leaver_successes": succeeded,
                }
            )
        )

    ended = np.array([place for place, prefix in enumerate(prefixes) if prefix.ended], dtype=int)
    if len(ended):
        over = [prefixes[place] for place in ended]
        weights = np.array([len(prefix.streams) for prefix in over])
        add(ended, [prefix.token_ids for prefix in over], [prefix.gold for prefix in over], weights)
    open_places = [place for place, prefix in enumerate(prefixes) if not prefix.ended]
    requests = [_request(prefixes[place]) for place in open_places]
    total = sum(len(request.streams) for request in requests)
    batch: list[Completion] = []
    drawn = policy.generate(requests, extraction.until)
    for completion in progress.track(drawn, total, "rollout", name):
        batch.append(completion)
        if len(batch) == _GRADED_TOGETHER:
            record(batch)
            batch = []
    if batch:
        record(batch)
    tally["rollouts"] = np.array([len(prefix.streams) for prefix in prefixes], dtype=np.int64)
    return pd.DataFrame(tally).join(_leaving(leavers, len(prefixes)))


def leaves_at(response: np.ndarray, trace: np.ndarray) -> int:
    """Position (1 .. T) of the first token that is not the trace's; 0 if it follows it to its end.

    Both are token ids of whole responses under one limit, so neither can be the other's beginning.
    """
    shared = min(len(response), len(trace))
    other = np.asarray(response[:shared]) != np.asarray(trace[:shared])
    return int(other.argmax()) + 1 if other.any() else 0


def _leaving(leavers: list[pd.DataFrame], prefixes: int) -> pd.DataFrame:
    """``LEAVING`` of every prefix: lists in the order of the positions."""
    rows = pd.concat(leavers) if leavers else pd.DataFrame(columns=["place", *LEAVING])
    sums = rows[rows["left_at"] > 0].groupby(["place", "left_at"], as_index=False).sum()
    lists = sums.groupby("place")[list(LEAVING)].agg(list).reindex(range(prefixes))
    return lists.map(lambda found: found if isinstance(found, list) else []).astype(object)


def _request(prefix: Prefix) -> Request:
    ids = np.concatenate([prefix.prompt_ids, prefix.token_ids]).astype(np.int32)
    return Request(ids, prefix.streams, prefix.limit - len(prefix.token_ids))
