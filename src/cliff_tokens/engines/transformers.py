"""Rollouts on a Hugging Face model by a loop of our own: the default engine, made for CPUs.

Prompts that are nested (prefixes of one trace) or siblings (a prefix and one token of its own)
form a group around its longest prompt, the trunk, which is run once. A pool of slots decodes one
token per row and step; a row that ends gives its slot to the next one. Each row attends to
columns of the trunk, shared with other rows and so one matrix product, and to columns of its own.

The model's own layers are used as they are; only its attention is replaced, through the interface
that transformers has for this. Opening a model compares the two on a short input and refuses a
model for which they differ.

A rollout depends on its prompt, stream and sampler. What runs beside it changes logits by float
rounding (1e-6), which changes a token only where a uniform falls that close to a boundary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils.logging import disable_progress_bar

from cliff_tokens.engines import Completion, Request, check
from cliff_tokens.sampling import Sampler, distribution, draw, uniforms

_ROW = np.dtype(
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


def _attention(module, query, key, value, attention_mask, scaling=None, plan=None, **kwargs):
    """The attention of every layer: ``plan`` says who reads what.

    query [rows, heads, tokens, width], key and value [rows, kv heads, tokens, width]
    -> [rows, tokens, heads, width]
    """
    refused = ("sliding_window", "softcap", "s_aux", "position_bias")
    extra = [name for name in refused if kwargs.get(name) is not None]
    if plan is None or attention_mask is not None or extra:
        raise NotImplementedError(
            f"engine: {type(module).__name__} asks for {', '.join(extra) or 'an attention'} "
            "that this engine does not have; it runs decoders with full causal attention"
        )
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return plan.attend(module.layer_idx, query, key, value, scaling), None


ALL_ATTENTION_FUNCTIONS.register("cliff_tokens", _attention)

_SLACK = 32  # steps that a pool may go on, at least, before it moves its rows
_PREFILL_TOKENS = 8192  # padding included, that run at once when prompts are read


class _Prefill:
    """Causal attention over right-padded prompts; remembers keys and values."""

    def __init__(self, keep: bool = True):
        self.keep, self.layers = keep, []

    def attend(self, layer, query, key, value, scaling):
        if self.keep:
            self.layers.append(torch.stack([key, value]))
        grouped = query.shape[1] != key.shape[1]
        result = scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
        )
        return result.transpose(1, 2)

    def columns(self) -> torch.Tensor:
        """[layers, 2, prompts, kv heads, tokens, width]"""
        return torch.stack(self.layers)


class _Decode:
    """One token per row: attention to the shared columns and to the row's own.

    Own columns are aligned on the right, so that all rows fill the same column in a step; rows
    are sorted by how many they have, most first, and split into blocks of similar length.
    """

    def __init__(self, columns: torch.Tensor, shared: torch.Tensor, rows: np.ndarray, starts):
        """``columns`` [layers, 2, slots, kv heads, capacity, width], ``shared`` [layers, 2,
        kv heads, shared columns, width]; ``starts`` [rows]: where each row's trunk begins there.
        """
        self.columns, self.shared, self.common = columns, shared, shared.shape[-2]
        own, prefix = rows["own"], rows["prefix"]
        self.column = int(own[0])  # the one that the next step fills
        self.positions = torch.from_numpy(own + prefix)[:, None].to(columns.device)
        place, starts = np.arange(self.common), starts[:, None]
        hidden_shared = (place < starts) | (place >= starts + prefix[:, None])
        hidden_own = np.arange(columns.shape[-2]) < self.column - own[:, None]
        self.blocks = []
        for low, high in _blocks(own):
            first = self.column - int(own[low])
            hidden = np.concatenate([hidden_shared[low:high], hidden_own[low:high, first:]], axis=1)
            mask = torch.zeros(hidden.shape, dtype=columns.dtype)
            mask.masked_fill_(torch.from_numpy(hidden), -torch.inf)
            self.blocks.append((low, high, first, mask.to(columns.device)[:, None, None]))

    def advance(self):
        """After each step."""
        self.column += 1
        self.positions += 1

    def attend(self, layer, query, key, value, scaling):
        rows, heads, _, width = query.shape
        kv, end = key.shape[1], self.column + 1
        keys, values = self.columns[layer]
        keys[:rows, :, self.column] = key[:, :, 0]
        values[:rows, :, self.column] = value[:, :, 0]
        query = (query * scaling).view(rows, kv, heads // kv, width)
        shared_keys, shared_values = self.shared[layer].transpose(-1, -2)
        parts = [
            self._block(
                query[low:high],
                keys[low:high, :, first:end],
                values[low:high, :, first:end],
                shared_keys,
                shared_values,
                mask[..., : self.common + end - first],
            )
            for low, high, first, mask in self.blocks
        ]
        return torch.cat(parts).view(rows, 1, heads, width)

    def _block(self, query, keys, values, shared_keys, shared_values, mask):
        """query [rows, kv heads, group, width] over shared and own columns, one softmax."""
        rows, kv, group, width = query.shape
        scores = query @ keys.transpose(-1, -2)
        if not self.common:
            return torch.softmax(scores.add_(mask), dim=-1) @ values
        flat = query.transpose(0, 1).reshape(kv, rows * group, width)
        common = (flat @ shared_keys).view(kv, rows, group, -1).transpose(0, 1)
        weights = torch.softmax(torch.cat([common, scores], dim=-1).add_(mask), dim=-1)
        flat = weights[..., : self.common].transpose(0, 1).reshape(kv, rows * group, -1)
        # This way round the product is several times faster for heads narrower than a register.
        common = (shared_values @ flat.transpose(-1, -2)).view(kv, width, rows, group)
        return (weights[..., self.common :] @ values).add_(common.permute(2, 0, 3, 1))


def _blocks(lengths: np.ndarray, smallest: int = 32) -> list[tuple[int, int]]:
    """Cut rows sorted by length, longest first, where it falls below half of the block's first."""
    blocks, low, rows = [], 0, len(lengths)
    while low < rows:
        high = int((lengths > lengths[low] // 2).sum())
        high = rows if rows - high < smallest else max(high, low + smallest)
        blocks.append((low, min(high, rows)))
        low = high
    return blocks


def _padded(sequences: list[np.ndarray]) -> np.ndarray:
    """Token ids [sequences, longest], zeros on the right; nothing attends to them."""
    tokens = np.zeros((len(sequences), max(map(len, sequences))), dtype=np.int64)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = sequence
    return tokens


def _cut(costs: Sequence[int], room: int, padded: bool) -> Iterator[list[int]]:
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


@dataclass
class _Group:
    """Requests whose prompts lie in one trunk, all or all but the last token."""

    trunk: np.ndarray  # int [tokens], the longest of the prompts
    members: list[int]  # requests, shortest prompt first
    rows: int = 0  # rollouts of all of them


def _groups(requests: Sequence[Request]) -> list[_Group]:
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
            group = _Group(prompt, [])
            groups.append(group)
            holder.update(dict.fromkeys(hashes.tolist(), group))
        group.members.insert(0, index)
        group.rows += len(requests[index].streams)
    return sorted(groups, key=lambda group: min(group.members))


class TransformersEngine:
    """A causal language model from a folder, in float32 on CPU, bfloat16 on CUDA.

    A LoRA ``adapter`` is merged into the weights, which equals applying it apart up to rounding:
    1e-6 in float32, while bfloat16 loses updates below a 256th of a weight.
    ``slots`` rows run at once, fewer if their keys, values and logits would exceed ``memory``
    bytes. One thread per process: on matrices this small, and on shared cores, more are slower.
    """

    def __init__(
        self,
        model: str | Path,
        adapter: str | Path | None = None,
        device: str | None = None,
        slots: int = 512,
        memory: int = 4 * 2**30,
    ):
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if self.device == "cpu":
            # Here and not on import: a training stage in the same environment decides for itself.
            torch.set_num_threads(1)
        self.model = _load(model, adapter, self.device)
        config = self.model.config.get_text_config()
        self.context = getattr(config, "max_position_embeddings", None)
        self.vocabulary = config.vocab_size
        self.stops = _stops(self.model)
        self.slots, self.memory = slots, memory
        _refuse(str(model), config)
        self._check(str(model))

    def generate(self, requests: Sequence[Request], sampler: Sampler) -> Iterator[Completion]:
        check(requests, self.context)
        return self._generate(requests, sampler)

    def _generate(self, requests, sampler):
        if not requests:
            return
        groups = _groups(requests)
        # Rows read every trunk of the pool, hidden or not: sharing pays where one fills the pool.
        full = self.affordable(max(request.max_tokens for request in requests) + _SLACK)
        shared = [group for group in groups if group.rows >= full]
        copied = [group for group in groups if group.rows < full]
        for chosen, copy in ((shared, False), (copied, True)):
            if any(group.rows for group in chosen):
                yield from _Pool(self, requests, sampler, chosen, copy).run()

    def affordable(self, capacity: int) -> int:
        """Rows that fit in memory when each has ``capacity`` columns of its own, in two buffers."""
        layers, kv, width = self.columns_shape
        columns = 2 * 2 * layers * kv * width * capacity * self.dtype.itemsize
        logits = 8 * 8 * self.vocabulary  # float64 and its temporary copies
        return max(1, min(self.slots, self.memory // (columns + logits)))

    def score(self, sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        lengths = [len(prompt) + len(tokens) for prompt, tokens in sequences]
        for prompt, _ in sequences:
            if not len(prompt):
                raise ValueError("score: a prompt is empty; expected at least one token")
        if self.context and max(lengths, default=0) > self.context:
            raise ValueError(
                f"score: a sequence of {max(lengths)} tokens exceeds {self.context} positions"
            )
        return self._score(sequences)

    def _score(self, sequences):
        # A window is what may be held at once; inside it, sequences of like length run together.
        room = max(1, self.memory // 8 // (4 * self.vocabulary))
        for window in _cut([len(tokens) for _, tokens in sequences], room, padded=False):
            order = sorted(window, key=lambda i: sum(map(len, sequences[i])))
            cost = [sum(map(len, sequences[i])) for i in order]
            found = {}
            for batch in _cut(cost, min(_PREFILL_TOKENS, room), padded=True):
                found.update(self._score_batch(sequences, [order[i] for i in batch]))
            for index in window:
                yield found.pop(index)

    def _score_batch(self, sequences, batch: list[int]) -> dict[int, np.ndarray]:
        starts = {i: len(sequences[i][0]) - 1 for i in batch}  # predicts the first token
        ends = {i: starts[i] + len(sequences[i][1]) for i in batch}
        first = min(starts.values())
        places = torch.arange(first, max(max(ends.values()), first + 1), device=self.device)
        tokens = _padded([np.concatenate(sequences[i]) for i in batch])
        logits = self.forward(tokens, _Prefill(keep=False), logits_to_keep=places).numpy()
        return {
            i: logits[row, starts[i] - first : ends[i] - first].copy()
            for row, i in enumerate(batch)
        }

    @torch.inference_mode()
    def forward(self, tokens: np.ndarray, plan, positions=None, logits_to_keep=0) -> torch.Tensor:
        """Logits of ``tokens`` [rows, length] at the places asked for, float32, on the CPU."""
        ids = torch.from_numpy(np.ascontiguousarray(tokens, dtype=np.int64)).to(self.device)
        if positions is None:
            positions = torch.arange(ids.shape[1], device=self.device)[None]
        if self.context:
            # A row that has ended goes on, unread, until it is replaced.
            positions = positions.clamp(max=self.context - 1)
        output = self.model(
            input_ids=ids,
            position_ids=positions,
            use_cache=False,
            logits_to_keep=logits_to_keep,
            plan=plan,
        )
        return output.logits.float().cpu()

    @torch.inference_mode()
    def _check(self, name: str):
        """Decode one token after seven in our attention and in the model's own."""
        tokens = np.arange(8)[None] % self.vocabulary
        expected = self.model(torch.from_numpy(tokens).to(self.device), use_cache=False)
        expected = expected.logits[0, -1].float().cpu()
        self.model.set_attn_implementation("cliff_tokens")
        prefill = _Prefill()
        self.forward(tokens[:, :7], prefill, logits_to_keep=1)
        if not prefill.layers:
            raise NotImplementedError(
                f"{name}: {type(self.model).__name__} does not use the attention interface of "
                "transformers, through which this engine works"
            )
        columns = prefill.columns()
        self.columns_shape = (columns.shape[0], columns.shape[3], columns.shape[-1])
        self.dtype = columns.dtype
        own = torch.zeros_like(columns[..., :1, :])
        row = np.zeros(1, dtype=_ROW)
        row["prefix"] = 7
        plan = _Decode(own, columns[:, :, 0].contiguous(), row, np.zeros(1, dtype=np.int64))
        found = self.forward(tokens[:, 7:], plan, plan.positions)[0, -1]
        tolerance = 1e-3 if self.dtype == torch.float32 else 0.05
        if (found - expected).abs().max() > tolerance * expected.abs().max():
            raise NotImplementedError(
                f"{name}: {type(self.model).__name__} computes other logits in this engine than "
                "in transformers; it runs decoders with full causal attention"
            )


class _Pool:
    """The rows that run at once, and the queue that fills them."""

    def __init__(self, engine: TransformersEngine, requests, sampler, groups, copy: bool):
        self.engine, self.requests, self.sampler = engine, requests, sampler
        self.groups, self.copy = groups, copy
        members = [requests[index] for group in groups for index in group.members]
        self.longest = max(request.max_tokens for request in members)
        capacity = self.longest
        if copy:
            capacity = max(len(request.prompt_ids) + request.max_tokens for request in members)
        capacity += _SLACK
        self.slots = min(
            engine.affordable(capacity), sum(len(request.streams) for request in members)
        )
        layers, kv, width = engine.columns_shape
        shape = (layers, 2, self.slots, kv, capacity, width)
        options = {"dtype": engine.dtype, "device": engine.device}
        # Two buffers: rows are sorted and closed up by copying from one into the other.
        self.buffers = [torch.zeros(shape, **options) for _ in range(2)]
        self.nothing = torch.zeros((layers, 2, kv, 0, width), **options)
        self.rows = np.zeros(0, dtype=_ROW)
        self.alive = np.zeros(0, dtype=bool)
        self.tokens = np.zeros((0, self.longest), dtype=np.int32)
        self.trunks, self.plan, self.done = {}, None, []

    def run(self) -> Iterator[Completion]:
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
                return
            self._step()

    def _due(self, free: int, waiting: bool) -> bool:
        """Whether to move the rows: to fill slots, drop ended rows, or get columns again."""
        ended = len(self.rows) - int(self.alive.sum())
        if len(self.rows) and self.plan.column == self.buffers[0].shape[-2]:
            return True
        return (waiting and free * 8 >= self.slots) or ended * 8 > len(self.rows)

    def _queue(self) -> Iterator[np.ndarray]:
        """Rows in the order they run, request by request; runs a trunk when it is reached."""
        groups = self.groups
        if self.copy:
            groups = sorted(groups, key=lambda group: -len(group.trunk))
        room = _PREFILL_TOKENS if self.copy else 1
        for batch in _cut([len(group.trunk) for group in groups], room, padded=True):
            some = [groups[index] for index in batch]
            tokens = _padded([group.trunk for group in some])
            plan = _Prefill()
            inside = self._inside(some[0])
            keep = torch.tensor(sorted({len(self.requests[i].prompt_ids) - 1 for i in inside}))
            logits = self.engine.forward(
                tokens, plan, logits_to_keep=keep.to(self.engine.device) if len(keep) else 1
            )
            place = {int(position): row for row, position in enumerate(keep)}
            columns = plan.columns()
            for row, group in enumerate(some):
                serial = batch[row]
                self.trunks[serial] = columns[:, :, row]
                for index in group.members:
                    request = self.requests[index]
                    rows = self._rows(index, serial)
                    if index in inside:
                        rows = self._first(rows, logits[0, place[len(request.prompt_ids) - 1]])
                    if len(rows):
                        yield rows

    def _inside(self, group: _Group) -> set[int]:
        """Requests whose first token comes from the run of the trunk."""
        if self.copy:
            return set()
        prompts = {index: self.requests[index].prompt_ids for index in group.members}
        return {i for i, p in prompts.items() if np.array_equal(group.trunk[: len(p)], p)}

    def _rows(self, index: int, serial: int) -> np.ndarray:
        """All rollouts of a request, to begin by feeding the prompt's last token."""
        request = self.requests[index]
        rows = np.zeros(len(request.streams), dtype=_ROW)
        rows["request"], rows["rollout"] = index, np.arange(len(rows))
        rows["stream"], rows["limit"] = request.streams, request.max_tokens
        rows["token"], rows["trunk"] = request.prompt_ids[-1], serial
        rows["prefix"] = len(request.prompt_ids) - 1
        return rows

    def _first(self, rows: np.ndarray, logits: torch.Tensor) -> np.ndarray:
        """Draw the first token of a request's rollouts; those that go on."""
        probabilities = distribution(logits.numpy(), self.sampler)
        cumulative = np.broadcast_to(probabilities, (len(rows), len(probabilities)))
        rows["token"] = draw(cumulative, uniforms(rows["stream"], 0))
        rows["age"] = 1
        rows["prefix"] += 1
        ended = self._ended(rows)
        for row in rows[ended]:
            self._finish(row, np.array([row["token"]], dtype=np.int32))
        return rows[~ended]

    def _ended(self, rows: np.ndarray) -> np.ndarray:
        return np.isin(rows["token"], self.engine.stops) | (rows["age"] == rows["limit"])

    def _finish(self, row, tokens: np.ndarray):
        reason = "stop" if row["token"] in self.engine.stops else "length"
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
            rows["own"][fresh], rows["prefix"][fresh] = rows["prefix"][fresh], 0
        order = np.argsort(-rows["own"], kind="stable")
        self.rows, self.tokens, origin = rows[order], tokens[order], origin[order]
        self.alive = np.ones(len(rows), dtype=bool)
        self._move(origin)
        shared, starts = self._shared()
        if len(rows):
            self.plan = _Decode(self.buffers[0], shared, self.rows, starts)

    @torch.inference_mode()
    def _move(self, origin: np.ndarray):
        """Fill the other buffer: row i comes from row ``origin[i]``, or its trunk where -1."""
        source, target = self.buffers
        own = self.rows["own"]
        now, was = own[0] if len(own) else 0, self.plan.column if self.plan else 0
        for low, high in _blocks(own):
            length = min(own[low], was)
            # New rows take the columns of some other row here; they are hidden or replaced.
            chosen = torch.from_numpy(origin[low:high].clip(0)).to(source.device)
            moved = source[..., was - length : was, :].index_select(2, chosen)
            target[:, :, low:high, :, now - length : now] = moved
        if self.copy:
            for row in np.flatnonzero(origin < 0):
                length = own[row]
                trunk = self.trunks[int(self.rows["trunk"][row])]
                target[:, :, row, :, now - length : now] = trunk[..., :length, :]
        self.buffers = [target, source]

    def _shared(self) -> tuple[torch.Tensor, np.ndarray]:
        """The columns of the live trunks side by side, and where each row's begin."""
        starts = np.zeros(len(self.rows), dtype=np.int64)
        if self.copy or not len(self.rows):
            return self.nothing, starts
        parts, place = [], 0
        for serial in np.unique(self.rows["trunk"]):
            of = self.rows["trunk"] == serial
            starts[of] = place
            parts.append(self.trunks[int(serial)][..., : self.rows["prefix"][of].max(), :])
            place += parts[-1].shape[-2]
        return torch.cat(parts, dim=-2), starts

    def _forget(self, waiting: np.ndarray | None):
        """Drop the trunks that no row reads any more and none in the queue will."""
        needed = set() if self.copy else set(self.rows["trunk"].tolist())
        first = len(self.groups) if waiting is None else waiting["trunk"][0]
        for serial in [s for s in self.trunks if s < first and s not in needed]:
            del self.trunks[serial]

    def _step(self):
        """Feed one token to every row and draw the next."""
        rows, plan = self.rows, self.plan
        logits = self.engine.forward(rows["token"][:, None], plan, plan.positions)
        plan.advance()
        probabilities = distribution(logits[:, 0].numpy(), self.sampler)
        rows["token"] = draw(probabilities, uniforms(rows["stream"], rows["age"]))
        live = np.flatnonzero(self.alive)
        self.tokens[live, rows["age"][live]] = rows["token"][live]
        rows["age"] += 1
        rows["own"] += 1
        for row in live[self._ended(rows[live])]:
            self._finish(rows[row], self.tokens[row, : rows["age"][row]].copy())
            self.alive[row] = False


def _load(model: str | Path, adapter: str | Path | None, device: str):
    """The model in evaluation mode; says what a checkpoint folder must hold if there is none."""
    missing = FileNotFoundError(
        f"{model}: no checkpoint there; expected a folder with config.json and model.safetensors"
    )
    if not (Path(model) / "config.json").is_file():
        raise missing
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    disable_progress_bar()  # of weights that load in an instant, or on a terminal that has our bar
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            model, dtype=dtype, attn_implementation="sdpa"
        )
    except OSError as error:
        raise missing from error
    if adapter is not None:
        loaded = _merge(loaded, str(model), Path(adapter))
    return loaded.to(device).eval()


def _merge(loaded, model: str, adapter: Path):
    """The model with an adapter's update added to its weights; refuses what would fit in part."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    weights = adapter / "adapter_model.safetensors"
    if not weights.is_file() or not (adapter / "adapter_config.json").is_file():
        raise FileNotFoundError(
            f"{adapter}: no adapter there; expected a folder with adapter_config.json and "
            "adapter_model.safetensors"
        )
    try:
        tuned = PeftModel.from_pretrained(loaded, adapter)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{adapter}: not an adapter of {model}: {error}") from error
    with safe_open(weights, "pt") as stored:
        apart = set(stored.keys()) ^ set(get_peft_model_state_dict(tuned))
    if apart:
        # peft would leave out what has no place and start what is missing from zero.
        raise ValueError(f"{adapter}: not an adapter of {model}: it differs in {min(apart)}")
    return tuned.merge_and_unload()


def _refuse(name: str, config):
    """Models for which a short comparison could not show that they need more than is here."""
    kinds = set(getattr(config, "layer_types", None) or []) - {"full_attention"}
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        # Their angles depend on the longest text of a batch: a rollout would, too.
        kinds.add(f"rope_type {rope['rope_type']}")
    if getattr(config, "attention_chunk_size", None):
        kinds.add("attention_chunk_size")
    if kinds:
        raise NotImplementedError(
            f"{name}: the model's config asks for {', '.join(sorted(kinds))}; this engine runs "
            "decoders with full causal attention"
        )


def _stops(model) -> np.ndarray:
    """End-of-sequence ids, from the generation settings or else the model's."""
    ids = model.generation_config.eos_token_id
    ids = model.config.eos_token_id if ids is None else ids
    return np.atleast_1d(np.asarray([] if ids is None else ids, dtype=np.int64))
