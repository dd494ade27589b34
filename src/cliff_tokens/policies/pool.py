"""The pool of the transformers engine: texts written side by side, and the queue behind them.

Prompts that are nested (prefixes of one trace) or siblings (a prefix and one token of its own)
form a group around its longest prompt, the trunk, which is run once; rollouts follow it for as long
as they draw its tokens. A pool of slots decodes one token per row and step; a text that no rollout
is left on gives its slot away. Each row attends to columns of its trunk, one matrix product for all
rows that read it, and to columns of its own. What all trunks of a pool begin with, such as worked
examples, is its stem: it is run once, too.
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
from cliff_tokens.policies.texts import ROLLOUT, ROW, Texts

SLACK = 32  # steps that a pool may go on, at least, before it moves its rows
STEM = 32  # tokens that all trunks begin with, at least, for which a stem pays
CROWD = 32  # rollouts of a trunk, at least, for which reading its columns together pays
FULL = 2  # rollouts for each slot, at which no other begins: texts that run are going to fork
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
        self.groups = sorted(groups, key=lambda group: -len(group.trunk)) if copy else groups
        self.copy = copy
        members = [requests[index] for group in groups for index in group.members]
        self.stem = stem_of([group.trunk for group in groups])
        capacity = max(request.max_tokens for request in members)
        self.longest = capacity + 1  # written tokens of a text, the last of a prompt among them
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
        # The first ``running`` of the texts are in the buffer, row by row; the others have forked
        # from these since and wait until rows are moved.
        self.texts, self.running = Texts.none(self.longest), 0
        self.evicted = self.texts  # have to be read again, for they found no row
        self.spans: list[tuple[int, int]] = []  # of rows that read one trunk
        self.trunks, self.pattern, self.done = {}, None, []

    def run(self) -> Iterator[Completion]:
        """Every rollout of the groups, as they finish."""
        queue = self._queue()
        waiting = next(queue, None)
        while True:
            if self._due(waiting):
                self._evict()
                while count := self._admitted(waiting):
                    some, waiting = waiting.split(count)
                    self.texts = self.texts.join(some)
                    if not len(waiting):
                        waiting = next(queue, None)
                self._forget(waiting)
                self._arrange()
            yield from self.done
            self.done.clear()
            if not len(self.texts):
                self.engine.keep(self.room)
                return
            self._step()

    def _admitted(self, waiting: Texts | None) -> int:
        """How many of the texts that wait can begin: slots have to be left for those that fork."""
        if waiting is None:
            return 0
        held = int((self.texts.shared() > 0).sum())
        room = FULL * self.slots - len(self.texts.rollouts)
        fit = int((np.cumsum(waiting.shared()) <= room).sum())
        return max(min(fit, self.slots // 2 - held), 0 if held else 1)

    def _due(self, waiting: Texts | None) -> bool:
        """Whether to move rows: to begin or fork texts, to drop ended ones, or for more columns."""
        live = int((self.texts.shared()[: self.running] > 0).sum())
        if not live or self.pattern.column == self.buffers[0].shape[-2]:
            return True
        forks = len(self.texts) - self.running
        more = min(forks + len(self.evicted), self.slots - live) + self._admitted(waiting)
        return more * 8 >= live or (self.running - live) * 8 > self.running

    def _queue(self) -> Iterator[Texts]:
        """Texts in the order they run, trunk by trunk; reads a trunk when it is reached."""
        stem = self.stem
        if stem:
            self.head = self.engine.read(self.groups[0].trunk[:stem])
        room = PREFILL_TOKENS if self.copy else 1
        for batch in cut([len(group.trunk) - stem for group in self.groups], room, padded=True):
            tokens = pad([self.groups[serial].trunk[stem:] for serial in batch])
            # Copied trunks lead nobody, and are read for their columns alone.
            leading = self._leading(batch[0])
            lengths = [len(self.requests[index].prompt_ids) for index in leading]
            first = min(lengths, default=stem + tokens.shape[1]) - 1
            pattern = Prefill(stem=self.head)
            logits = self.engine.forward(
                tokens,
                pattern,
                torch.arange(stem, stem + tokens.shape[1], device=self.engine.device)[None],
                logits_to_keep=stem + tokens.shape[1] - first,
            )
            columns = pattern.columns()
            for place, serial in enumerate(batch):
                own = columns[:, :, place]
                self.trunks[serial] = own if self.copy else torch.cat([self.head, own], dim=-2)
                texts = self._begin(serial, leading, logits[0], first)
                if len(texts):
                    yield texts

    def _leading(self, serial: int) -> list[int]:
        """Requests of a trunk whose prompt it begins with: its run says what comes after them."""
        if self.copy:
            return []
        trunk, members = self.groups[serial].trunk, self.groups[serial].members
        prompts = {index: self.requests[index].prompt_ids for index in members}
        return [
            index
            for index, prompt in prompts.items()
            if len(prompt) > self.stem and np.array_equal(trunk[: len(prompt)], prompt)
        ]

    def _begin(self, serial: int, leading: list[int], logits: torch.Tensor, first: int) -> Texts:
        """The texts that the rollouts of a trunk begin with.

        Those of ``leading`` follow it for as long as they draw its tokens, from ``logits``
        [positions, vocabulary], of which the first come after ``first`` + 1 tokens. All others
        begin with the last token of their prompt.
        """
        trunk = self.groups[serial].trunk
        joining, bases, rollouts, tokens = {}, [], [], []

        def begin(base: int, some: np.ndarray, token: np.ndarray) -> None:
            bases.append(np.full(len(some), base))
            rollouts.append(some)
            tokens.append(token)

        for index in self.groups[serial].members:
            own, prompt = self._rollouts(index), self.requests[index].prompt_ids
            if index in leading:
                joining.setdefault(len(prompt), []).append(own)
            else:
                begin(len(prompt) - 1, own, np.full(len(own), prompt[-1]))
        following = np.zeros(0, ROLLOUT)
        for length in range(min(joining, default=len(trunk) + 1), len(trunk) + 1):
            following = np.concatenate([following, *joining.get(length, [])])
            if not len(following):
                continue
            here = self._texts(serial, np.array([length]), following)
            drawing = np.ones(len(following), dtype=bool)
            following, token = self._draw(here, drawing, logits[length - 1 - first][None])
            stay = token == trunk[length] if length < len(trunk) else np.zeros(len(token), bool)
            begin(length, following[~stay], token[~stay])
            following = following[stay]
        own = np.concatenate(rollouts)
        starts, own["row"] = np.unique(np.concatenate(bases), return_inverse=True)
        texts = self._texts(serial, starts, own[:0])
        texts.go_on(own, np.concatenate(tokens), end=0)
        texts.rows["source"] = -1
        return texts

    def _texts(self, serial: int, bases: np.ndarray, rollouts: np.ndarray) -> Texts:
        """Texts of the first ``bases`` tokens of a trunk, of which no more than that is read."""
        rows = np.zeros(len(bases), ROW)
        rows["trunk"], rows["base"], rows["source"] = serial, bases, -1
        # Of a trunk that is copied only the stem is read where it is.
        rows["prefix"] = np.minimum(bases, self.stem) if self.copy else bases
        rows["own"] = rows["base"] - rows["prefix"]
        return Texts(rows, np.zeros((len(rows), self.longest), np.int32), rollouts)

    def _rollouts(self, index: int) -> np.ndarray:
        """All rollouts of a request."""
        request = self.requests[index]
        rollouts = np.zeros(len(request.streams), ROLLOUT)
        rollouts["request"], rollouts["rollout"] = index, np.arange(len(rollouts))
        rollouts["stream"], rollouts["limit"] = request.streams, request.max_tokens
        rollouts["begin"] = len(request.prompt_ids)
        return rollouts

    def _draw(
        self, texts: Texts, drawing: np.ndarray, logits: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw a token for some of the rollouts, and take these away from the texts.

        ``drawing`` bool [rollouts], ``logits`` [texts, vocabulary] -> those that have not ended,
        ROLLOUT [left], and their tokens.
        """
        rollouts, ages = texts.rollouts[drawing], texts.ages(texts.rollouts[drawing])
        texts.rollouts = texts.rollouts[~drawing]
        numbers = uniforms(rollouts["stream"], ages)
        tokens = choose(logits, self.sampler, numbers, rollouts["row"])
        stopped = np.isin(tokens, self.stops)
        ended = stopped | (ages + 1 == rollouts["limit"])
        for place in np.flatnonzero(ended):
            rollout = rollouts[place]
            row, begin = texts.rows[rollout["row"]], rollout["begin"]
            before = self.groups[row["trunk"]].trunk[begin : row["base"]]
            after = texts.tokens[rollout["row"], max(begin - row["base"], 0) : row["written"]]
            text = np.concatenate([before, after, tokens[place, None]]).astype(np.int32)
            reason = "stop" if stopped[place] else "length"
            request, number = int(rollout["request"]), int(rollout["rollout"])
            self.done.append(Completion(request, number, text, reason))
        return rollouts[~ended], tokens[~ended]

    def _evict(self):
        """Close up the texts that go on; what finds no row then is read again later.

        Those that were evicted before take the rows that are left.
        """
        rows = self.texts.rows[: self.running]
        rows["source"] = np.arange(self.running)
        rows["end"] = self.pattern.column if self.pattern else 0
        texts, over = self.texts.select(self.texts.shared() > 0).split(self.slots)
        over.rows["own"] = over.rows["base"] - over.rows["prefix"]
        over.rows["source"] = -1
        back, self.evicted = self.evicted.join(over).split(self.slots - len(texts))
        self.texts = texts.join(back)

    def _forget(self, waiting: Texts | None):
        """Drop the trunks that no text goes on from any more and none in the queue will."""
        needed = {*self.texts.rows["trunk"].tolist(), *self.evicted.rows["trunk"].tolist()}
        first = len(self.groups) if waiting is None else waiting.rows["trunk"][0]
        for serial in [s for s in self.trunks if s < first and s not in needed]:
            del self.trunks[serial]

    def _arrange(self):
        """Give every text a row: those of one trunk side by side, the longest first."""
        own = self.texts.rows["own"]
        trunk = np.zeros(len(own)) if self.copy else self.texts.rows["trunk"]
        order = np.lexsort((-own, trunk))
        self.texts, self.running = self.texts.select(order), len(order)
        self.spans = spans_of(trunk[order])
        self._move()
        if len(order):
            rows = self.texts.rows
            self.pattern = Decode(self.buffers[0], self._read(), rows, self.spans)

    @torch.inference_mode()
    def _move(self):
        """Fill the other buffer with the columns of every text."""
        old, new = self.buffers
        rows = self.texts.rows
        source, own, end = rows["source"], rows["own"], rows["end"]
        now, was = own.max(initial=0), self.pattern.column if self.pattern else 0
        together = (source >= 0) & (end == was)
        for low, high, _ in blocks_within(self.spans, own):
            length = min(own[low], was)
            # The others take the columns of some row here; they are hidden or replaced.
            chosen = torch.from_numpy(source[low:high].clip(0)).to(old.device)
            moved = old[..., was - length : was, :].index_select(2, chosen)
            new[:, :, low:high, :, now - length : now] = moved
        for row in np.flatnonzero(~together & (own > 0)):
            length, stop = own[row], end[row]
            if source[row] < 0:
                columns = self.trunks[int(rows["trunk"][row])][..., :length, :]
            else:
                columns = old[:, :, source[row], :, stop - length : stop]
            new[:, :, row, :, now - length : now] = columns
        self.buffers = [new, old]

    def _read(self) -> list[torch.Tensor]:
        """What the rows of each span read of their trunk: as much as the longest prefix of them."""
        if self.copy:
            return [self.head] * len(self.spans)
        firsts = [self.texts.rows[low:high] for low, high in self.spans]
        return [self.trunks[int(of["trunk"][0])][..., : of["prefix"].max(), :] for of in firsts]

    def _step(self):
        """Feed one token to every row; rollouts on a text that has been read to its end draw."""
        texts, pattern = self.texts, self.pattern
        rows = texts.rows[: self.running]
        fed = rows["own"] - (rows["base"] - rows["prefix"])
        # A row that has ended goes on with its last token, unread, until it is replaced.
        tokens = texts.tokens[np.arange(len(rows)), np.minimum(fed, rows["written"] - 1)]
        logits = self.engine.forward(tokens[:, None], pattern, pattern.positions)
        pattern.advance()
        rows["own"] += 1
        ready = np.zeros(len(texts), dtype=bool)
        ready[: len(rows)] = fed + 1 == rows["written"]
        drawing = ready[texts.rollouts["row"]]
        texts.go_on(*self._draw(texts, drawing, logits[:, 0]), end=pattern.column)
