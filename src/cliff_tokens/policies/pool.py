"""The pool of the transformers engine: rollouts that run side by side, and the queue behind them.

Prompts that are nested (prefixes of one trace) or siblings (a prefix and one token of its own)
form a group around its longest prompt, the trunk, which is run once. A pool of slots decodes one
token per row and step; a row that ends gives its slot to the next one. Each row attends to
columns of its trunk, one matrix product for all rows that read it, and to columns of its own.
What all trunks of a pool begin with, such as worked examples, is its stem: it is run once, too.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from cliff_tokens.policies import Completion, Request
from cliff_tokens.policies.attention import Decode, Prefill, blocks_within
from cliff_tokens.policies.choosing import choose
from cliff_tokens.policies.sampling import uniforms

ROW = np.dtype(
    [
        ("request", np.int64),
        ("rollout", np.int64),
        ("stream", np.uint64),
        ("limit", np.int64),
        ("token", np.int64),  # fed in the next step
        ("age", np.int64),  # tokens sampled so far
        ("trunk", np.int64),  # which trunk the row reads
        ("prefix", np.int64),  # columns of that trunk the row reads
        ("own", np.int64),  # columns of its own filled so far
    ]
)
SLACK = 32  # steps that a pool may go on, at least, before it moves its rows
STEM = 32  # tokens that all trunks begin with, at least, for which a stem pays
CROWD = 64  # rows of a trunk, at least, for which reading its columns together pays
PREFILL_TOKENS = 8192  # padding included, that run at once when prompts are read


def pad(sequences: list[np.ndarray]) -> np.ndarray:
    """Token ids [sequences, longest], zeros on the right; nothing attends to them."""
    tokens = np.zeros((len(sequences), max(map(len, sequences))), dtype=np.int64)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = sequence
    return tokens


def cut(costs: Sequence[int], room: int, padded: bool) -> Iterator[list[int]]:
    """Runs of consecutive indices whose costs (all counted as the largest if padded) fit."""
    run, largest, total = [], 0, 0
    for index, cost in enumerate(costs):
        largest, total = max(largest, cost), total + cost
        if run and (largest * (len(run) + 1) if padded else total) > room:
            yield run
            run, largest, total = [], cost, cost
        run.append(index)
    if run:
        yield run


def stem_of(trunks: Sequence[np.ndarray]) -> int:
    """How many tokens a pool's trunks begin with alike; 0 where too few for a stem, or one trunk.

    Every trunk goes on after it.
    """
    if len(trunks) < 2:
        return 0
    shortest = min(map(len, trunks)) - 1
    heads = np.stack([trunk[:shortest] for trunk in trunks])
    alike = int(np.logical_and.accumulate((heads == heads[0]).all(axis=0)).sum())
    return alike if alike >= STEM else 0


@dataclass
class Group:
    """Requests whose prompts lie in one trunk, all or all but the last token."""

    trunk: np.ndarray  # int [tokens], the longest of the prompts
    members: list[int]  # requests, shortest prompt first
    rows: int = 0  # rollouts of all of them


def groups_of(requests: Sequence[Request]) -> list[Group]:
    """Put each prompt with a trunk that holds it but for at most its last token."""
    longest = max(len(request.prompt_ids) for request in requests)
    powers = np.random.default_rng(0).integers(1, 2**63, size=longest, dtype=np.uint64)
    groups, holder = [], {}
    for index in sorted(range(len(requests)), key=lambda i: -len(requests[i].prompt_ids)):
        prompt = np.asarray(requests[index].prompt_ids, dtype=np.int64)
        hashes = np.cumsum((prompt.astype(np.uint64) + np.uint64(1)) * powers[: len(prompt)])
        shared = len(prompt) - 1
        group = holder.get(int(hashes[-1]), holder.get(int(hashes[shared - 1])) if shared else None)
        if group is None or not np.array_equal(group.trunk[:shared], prompt[:shared]):
            group = Group(prompt, [])
            groups.append(group)
            holder.update(dict.fromkeys(hashes.tolist(), group))
        group.members.insert(0, index)
        group.rows += len(requests[index].streams)
    return sorted(groups, key=lambda group: min(group.members))


def spans_of(trunks: np.ndarray) -> list[tuple[int, int]]:
    """Runs of equal values: the first row of each, and the one after its last."""
    edges = [0, *np.flatnonzero(np.diff(trunks)) + 1, len(trunks)]
    return [(int(low), int(high)) for low, high in pairwise(edges) if low < high]


class Pool:
    """The rows that run at once, and the queue that fills them.

    Args:
        engine: the TransformersEngine whose model runs.
        requests: all that were asked of it; those of the groups are answered here.
        sampler: draws the tokens.
        stops: int64, the tokens that end a rollout.
        groups: what this pool answers, by trunk.
        copy: whether rows hold the columns of their trunk themselves, which pays where few rows
            share it; otherwise those of one trunk read it together.
    """

    def __init__(self, engine, requests, sampler, stops, groups: Sequence[Group], copy: bool):
        self.engine, self.requests, self.sampler, self.stops = engine, requests, sampler, stops
        self.groups, self.copy = groups, copy
        members = [requests[index] for group in groups for index in group.members]
        self.stem = stem_of([group.trunk for group in groups])
        self.longest = max(request.max_tokens for request in members)
        capacity = self.longest
        if copy:
            capacity = max(
                max(len(request.prompt_ids) - self.stem, 0) + request.max_tokens
                for request in members
            )
        capacity += SLACK
        self.slots = min(
            engine.affordable(capacity), sum(len(request.streams) for request in members)
        )
        layers, kv, width = engine.columns_shape
        shape = (layers, 2, self.slots, kv, capacity, width)
        options = {"dtype": engine.dtype, "device": engine.device}
        # Two buffers: rows are sorted and closed up by copying from one into the other.
        self.room = engine.lend(math.prod(shape))
        self.buffers = [part[: math.prod(shape)].view(shape) for part in self.room]
        self.head = torch.zeros((layers, 2, kv, 0, width), **options)  # columns of the stem
        self.rows = np.zeros(0, dtype=ROW)
        self.alive = np.zeros(0, dtype=bool)
        self.tokens = np.zeros((0, self.longest), dtype=np.int32)
        self.spans: list[tuple[int, int]] = []  # of rows that read one trunk
        self.trunks, self.pattern, self.done = {}, None, []

    def run(self) -> Iterator[Completion]:
        """Every rollout of the groups, as they finish."""
        queue = self._queue()
        waiting = next(queue, None)
        while True:
            free = self.slots - int(self.alive.sum())
            if self._due(free, waiting is not None):
                new = []
                while waiting is not None and free:
                    new.append(waiting[:free])
                    free -= len(new[-1])
                    waiting = waiting[len(new[-1]) :]
                    if not len(waiting):
                        waiting = next(queue, None)
                self._arrange(new)
                self._forget(waiting)
            yield from self.done
            self.done.clear()
            if not len(self.rows):
                self.engine.keep(self.room)
                return
            self._step()

    def _due(self, free: int, waiting: bool) -> bool:
        """Whether to move the rows: to fill slots, drop ended rows, or get columns again."""
        ended = len(self.rows) - int(self.alive.sum())
        if len(self.rows) and self.pattern.column == self.buffers[0].shape[-2]:
            return True
        return (waiting and free * 8 >= self.slots) or ended * 8 > len(self.rows)

    def _queue(self) -> Iterator[np.ndarray]:
        """Rows in the order they run, request by request; runs a trunk when it is reached."""
        groups = self.groups
        if self.copy:
            groups = sorted(groups, key=lambda group: -len(group.trunk))
        if self.stem:
            self.head = self.engine.read(groups[0].trunk[: self.stem])
        stem = self.stem
        room = PREFILL_TOKENS if self.copy else 1
        for batch in cut([len(group.trunk) - stem for group in groups], room, padded=True):
            some = [groups[index] for index in batch]
            tokens = pad([group.trunk[stem:] for group in some])
            pattern = Prefill(stem=self.head)
            inside = self._inside(some[0])
            keep = torch.tensor(
                sorted({len(self.requests[i].prompt_ids) - 1 - stem for i in inside})
            )
            logits = self.engine.forward(
                tokens,
                pattern,
                torch.arange(stem, stem + tokens.shape[1], device=self.engine.device)[None],
                logits_to_keep=keep.to(self.engine.device) if len(keep) else 1,
            )
            place = {int(position): row for row, position in enumerate(keep)}
            columns = pattern.columns()
            for row, group in enumerate(some):
                serial = batch[row]
                own = columns[:, :, row]
                self.trunks[serial] = own if self.copy else torch.cat([self.head, own], dim=-2)
                for index in group.members:
                    request = self.requests[index]
                    rows = self._rows(index, serial)
                    if index in inside:
                        rows = self._first(
                            rows, logits[0, place[len(request.prompt_ids) - 1 - stem]]
                        )
                    if len(rows):
                        yield rows

    def _inside(self, group: Group) -> set[int]:
        """Requests whose first token comes from the run of the trunk."""
        if self.copy:
            return set()
        prompts = {index: self.requests[index].prompt_ids for index in group.members}
        return {
            i
            for i, p in prompts.items()
            if len(p) > self.stem and np.array_equal(group.trunk[: len(p)], p)
        }

    def _rows(self, index: int, serial: int) -> np.ndarray:
        """All rollouts of a request, to begin by feeding the prompt's last token."""
        request = self.requests[index]
        rows = np.zeros(len(request.streams), dtype=ROW)
        rows["request"], rows["rollout"] = index, np.arange(len(rows))
        rows["stream"], rows["limit"] = request.streams, request.max_tokens
        rows["token"], rows["trunk"] = request.prompt_ids[-1], serial
        rows["prefix"] = len(request.prompt_ids) - 1
        return rows

    def _first(self, rows: np.ndarray, logits: torch.Tensor) -> np.ndarray:
        """Draw the first token of a request's rollouts; those that go on."""
        rows["token"] = choose(logits[None], self.sampler, uniforms(rows["stream"], 0))
        rows["age"] = 1
        rows["prefix"] += 1
        ended = self._ended(rows)
        for row in rows[ended]:
            self._finish(row, np.array([row["token"]], dtype=np.int32))
        return rows[~ended]

    def _ended(self, rows: np.ndarray) -> np.ndarray:
        return np.isin(rows["token"], self.stops) | (rows["age"] == rows["limit"])

    def _finish(self, row, tokens: np.ndarray):
        reason = "stop" if row["token"] in self.stops else "length"
        self.done.append(Completion(int(row["request"]), int(row["rollout"]), tokens, reason))

    def _arrange(self, new: list[np.ndarray]):
        """Close up the live rows, add the new ones, longest first."""
        old = np.flatnonzero(self.alive)
        rows = np.concatenate([self.rows[old], *new])
        origin = np.concatenate([old, np.full(len(rows) - len(old), -1)])
        tokens = np.zeros((len(rows), self.longest), dtype=np.int32)
        tokens[: len(old)] = self.tokens[old]
        tokens[len(old) :, 0] = rows["token"][len(old) :]
        if self.copy:
            fresh = origin < 0
            prefix = rows["prefix"][fresh]
            rows["own"][fresh] = np.maximum(prefix - self.stem, 0)
            rows["prefix"][fresh] = np.minimum(prefix, self.stem)
        trunk = np.zeros(len(rows)) if self.copy else rows["trunk"]
        order = np.lexsort((-rows["own"], trunk))
        self.rows, self.tokens, origin = rows[order], tokens[order], origin[order]
        self.alive = np.ones(len(rows), dtype=bool)
        self.spans = spans_of(trunk[order])
        self._move(origin)
        if len(rows):
            self.pattern = Decode(self.buffers[0], self._read(), self.rows, self.spans)

    @torch.inference_mode()
    def _move(self, origin: np.ndarray):
        """Fill the other buffer: row i comes from row ``origin[i]``, or its trunk where -1."""
        old, new = self.buffers
        own = self.rows["own"]
        now, was = own.max(initial=0), self.pattern.column if self.pattern else 0
        for low, high, _ in blocks_within(self.spans, own):
            length = min(own[low], was)
            # New rows take the columns of some other row here; they are hidden or replaced.
            chosen = torch.from_numpy(origin[low:high].clip(0)).to(old.device)
            moved = old[..., was - length : was, :].index_select(2, chosen)
            new[:, :, low:high, :, now - length : now] = moved
        if self.copy:
            for row in np.flatnonzero(origin < 0):
                length = own[row]
                trunk = self.trunks[int(self.rows["trunk"][row])]
                new[:, :, row, :, now - length : now] = trunk[..., :length, :]
        self.buffers = [new, old]

    def _read(self) -> list[torch.Tensor]:
        """What the rows of each span read of their trunk: as much as the longest prefix of them."""
        if self.copy:
            return [self.head] * len(self.spans)
        firsts = [self.rows[low:high] for low, high in self.spans]
        return [self.trunks[int(of["trunk"][0])][..., : of["prefix"].max(), :] for of in firsts]

    def _forget(self, waiting: np.ndarray | None):
        """Drop the trunks that no row reads any more and none in the queue will."""
        needed = set() if self.copy else set(self.rows["trunk"].tolist())
        first = len(self.groups) if waiting is None else waiting["trunk"][0]
        for serial in [s for s in self.trunks if s < first and s not in needed]:
            del self.trunks[serial]

    def _step(self):
        """Feed one token to every row and draw the next."""
        rows, pattern = self.rows, self.pattern
        logits = self.engine.forward(rows["token"][:, None], pattern, pattern.positions)
        pattern.advance()
        rows["token"] = choose(logits[:, 0], self.sampler, uniforms(rows["stream"], rows["age"]))
        live = np.flatnonzero(self.alive)
        self.tokens[live, rows["age"][live]] = rows["token"][live]
        rows["age"] += 1
        rows["own"] += 1
        for row in live[self._ended(rows[live])]:
            self._finish(rows[row], self.tokens[row, : rows["age"][row]].copy())
            self.alive[row] = False
