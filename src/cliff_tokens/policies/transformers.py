"""Rollouts on a Hugging Face model by a loop of our own: the default engine, made for CPUs.

Prompts that share a beginning are read once, and rollouts run side by side in a pool, those with
equal texts as one. Opening a model compares our attention with the model's own on a short input and
refuses a model for which they differ.

A rollout depends on its prompt, stream and sampler. What runs beside it changes logits by float
rounding (1e-6), which changes a token only where a uniform falls that close to a boundary.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from cliff_tokens.policies import (
    Completion,
    Request,
    attention,
    check_ids,
    check_logits,
    check_requests,
    check_sequences,
    checkpoint,
)
from cliff_tokens.policies.pool import (
    CROWD,
    PREFILL_TOKENS,
    SLACK,
    Pool,
    cut,
    groups_of,
    pad,
    stem_of,
)
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.texts import ROW

LARGE = 10**7  # parameters beyond which a core writes hundreds of tokens a second
SCORED_STEM = 256  # tokens that all prompts begin with, at least, that are read once for scores


class TransformersEngine:
    """A causal language model from a folder.

    One thread per process: on matrices this small, and on shared cores, more are slower.

    Args:
        model: folder of the model.
        adapter: folder of a LoRA adapter, or None. It is merged into the weights, which equals
            applying it apart up to rounding: 1e-6 in float32, while bfloat16 loses updates below a
            256th of a weight.
        device: cpu or cuda; None takes a GPU where there is one.
        dtype: float32 or bfloat16; None takes float32 on CPU, bfloat16 on CUDA.
        slots: most rows that run at once.
        memory: bytes that their keys, values and logits may take; fewer rows run if they exceed it.
    """

    def __init__(
        self,
        model: str | Path,
        adapter: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        slots: int = 512,
        memory: int = 4 * 2**30,
    ):
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if self.device == "cpu":
            # Here and not on import: a training stage in the same environment decides for itself.
            torch.set_num_threads(1)
        self.name = str(model)
        self.model = checkpoint.open_model(model, self.device, adapter, dtype)
        self.context, self.vocabulary, self.stops = _described(self.name, self.model)
        self.slots, self.memory = slots, memory
        self._room = None
        self._check()
        self.slow = self.device == "cpu" and self.model.num_parameters() > LARGE
        self.rounding = 1e-3 if self.dtype == torch.float32 else 0.25

    def generate(
        self, requests: Sequence[Request], sampler: Sampler, stops: Sequence[int] = ()
    ) -> Iterator[Completion]:
        check_requests(requests, self.context)
        check_ids(self.name, self.vocabulary, (request.prompt_ids for request in requests))
        return self._generate(requests, sampler, np.union1d(self.stops, stops).astype(np.int64))

    def _generate(self, requests, sampler, stops):
        if not requests:
            return
        groups = groups_of(requests)
        full = self.affordable(max(request.max_tokens for request in requests) + SLACK)
        crowd = min(CROWD, full)
        shared = [group for group in groups if group.rows >= crowd]
        copied = [group for group in groups if group.rows < crowd]
        for chosen, copy in ((shared, False), (copied, True)):
            if any(group.rows for group in chosen):
                yield from Pool(self, requests, sampler, stops, chosen, copy).run()

    def affordable(self, capacity: int) -> int:
        """Rows that fit in memory when each has ``capacity`` columns of its own, in two buffers."""
        layers, kv, width = self.columns_shape
        columns = 2 * 2 * layers * kv * width * capacity * self.dtype.itemsize
        logits = 4 * 4 * self.vocabulary  # float32 and its temporary copies
        return max(1, min(self.slots, self.memory // (columns + logits)))

    def lend(self, size: int) -> torch.Tensor:
        """Memory for the two buffers of a pool, [2, at least size], with finite numbers in it.

        Clearing it takes time: a pool that has ended gives it back (``keep``) for the next one.
        """
        room, self._room = self._room, None
        if room is not None and room.shape[1] >= size:
            return room
        del room  # before there is another
        return torch.zeros((2, size), dtype=self.dtype, device=self.device)

    def keep(self, room: torch.Tensor) -> None:
        """Take back what ``lend`` gave."""
        self._room = room

    def score(self, sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        check_sequences(sequences, self.context)
        check_ids(self.name, self.vocabulary, chain.from_iterable(sequences))
        return self._score(sequences)

    def _score(self, sequences):
        prompts = [np.asarray(prompt) for prompt, _ in sequences]
        stem = stem_of(prompts)
        head = self.read(prompts[0][:stem]) if stem >= SCORED_STEM else None
        # A window is what may be held at once; inside it, sequences of like length run together.
        room = max(1, self.memory // 8 // (4 * self.vocabulary))
        for window in cut([len(tokens) for _, tokens in sequences], room, padded=False):
            order = sorted(window, key=lambda i: sum(map(len, sequences[i])))
            cost = [sum(map(len, sequences[i])) for i in order]
            logits = {}
            for batch in cut(cost, min(PREFILL_TOKENS, room), padded=True):
                logits.update(self._score_batch(sequences, [order[i] for i in batch], head))
            for index in window:
                yield logits.pop(index)

    def read(self, tokens: np.ndarray) -> torch.Tensor:
        """Columns of a text, [layers, 2, kv heads, tokens, width]."""
        pattern = attention.Prefill()
        self.forward(tokens[None], pattern, logits_to_keep=1)
        return pattern.columns()[:, :, 0]

    def _score_batch(self, sequences, batch: list[int], head) -> dict[int, np.ndarray]:
        stem = 0 if head is None else head.shape[-2]
        starts = {i: len(sequences[i][0]) - 1 - stem for i in batch}  # predicts the first token
        ends = {i: starts[i] + len(sequences[i][1]) for i in batch}
        first = min(starts.values())
        places = torch.arange(first, max(max(ends.values()), first + 1), device=self.device)
        tokens = pad([np.concatenate(sequences[i])[stem:] for i in batch])
        positions = torch.arange(stem, stem + tokens.shape[1], device=self.device)[None]
        pattern = attention.Prefill(keep=False, stem=head)
        logits = self.forward(tokens, pattern, positions, logits_to_keep=places)
        logits = logits.cpu().numpy()
        own = {i: logits[row, starts[i] - first : ends[i] - first] for row, i in enumerate(batch)}
        # A copy lets the batch's array go; of a sequence by itself it would double gigabytes.
        return own if len(batch) == 1 else {i: part.copy() for i, part in own.items()}

    @torch.inference_mode()
    def forward(
        self, tokens: np.ndarray, pattern, positions=None, logits_to_keep=0
    ) -> torch.Tensor:
        """Logits of ``tokens`` [rows, length], float32.

        ``pattern`` says what they attend to, ``positions`` [1 or rows, length] where they stand
        (None: from 0 on), ``logits_to_keep`` at which places logits are wanted, as in transformers.
        """
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
            pattern=pattern,
        )
        logits = output.logits.float()
        check_logits(self.name, logits.amax(dim=-1, keepdim=True).cpu().numpy())
        return logits

    @torch.inference_mode()
    def _check(self):
        """Compare with the model's own attention; an error says why this engine cannot run it."""
        try:
            self._compare()
        except (NotImplementedError, RuntimeError, ValueError, TypeError) as error:
            raise _cannot_run(self.name, self.model, error) from error

    def _compare(self):
        """Decode one token after seven in our attention and in the model's own."""
        tokens = np.arange(8)[None] % self.vocabulary
        expected = self.model(torch.from_numpy(tokens).to(self.device), use_cache=False)
        expected = expected.logits[0, -1].float().cpu()
        self.model.set_attn_implementation(attention.NAME)
        prefill = attention.Prefill()
        self.forward(tokens[:, :7], prefill, logits_to_keep=1)
        _refuse_unasked(prefill)
        columns = prefill.columns()
        self.columns_shape = (columns.shape[0], columns.shape[3], columns.shape[-1])
        self.dtype = columns.dtype
        own = torch.zeros_like(columns[..., :1, :])
        row = np.zeros(1, dtype=ROW)
        row["prefix"] = 7
        pattern = attention.Decode(own, [columns[:, :, 0].contiguous()], row, [(0, 1)])
        logits = self.forward(tokens[:, 7:], pattern, pattern.positions)[0, -1].cpu()
        tolerance = 1e-3 if self.dtype == torch.float32 else 0.05
        if (logits - expected).abs().max() > tolerance * expected.abs().max():
            raise NotImplementedError("its own attention computes other logits")


@torch.inference_mode()
def check_folder(model: str | Path) -> tuple[int | None, int]:
    """Refuse what the engine refuses of a model's folder, without holding the model in memory.

    Gives the model's positions (None: it names none) and the size of its vocabulary. One thing is
    left for the opening: whether the model's own attention computes other logits.
    """
    bare = checkpoint.check_model(model)
    context, vocabulary, _ = _described(str(model), bare)
    prefill, tokens = attention.Prefill(), torch.zeros((1, 7), dtype=torch.int64, device="meta")
    try:
        bare.set_attn_implementation(attention.NAME)
        bare(input_ids=tokens, position_ids=tokens, use_cache=False, pattern=prefill)
        _refuse_unasked(prefill)
    except attention.AttentionError as error:
        raise _cannot_run(str(model), bare, error) from error
    except (NotImplementedError, RuntimeError):  # a layer looks at numbers, of which there are none
        pass
    return context, vocabulary


def _described(name: str, model) -> tuple[int | None, int, np.ndarray]:
    """Positions (None: it names none), vocabulary and stops of a model in the folder ``name``.

    Refuses it where these, or how its configuration says that it attends, cannot be served.
    """
    config = model.config.get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    stops = checkpoint.stops(name, config.vocab_size)
    checkpoint.check_angles(name, config, context or 0)
    _refuse(name, config)
    return context, config.vocab_size, stops


def _refuse_unasked(prefill: attention.Prefill) -> None:
    if not prefill.layers:
        raise attention.AttentionError("it does not use the attention interface of transformers")


def _cannot_run(name: str, model, error: Exception) -> NotImplementedError:
    return NotImplementedError(
        f"{name}: {type(model).__name__} cannot run in the engine transformers, which has decoders "
        f"with full causal attention: {error}"
    )


def _refuse(name: str, config):
    """Models for which a short comparison could not show that they need more than is here."""
    kinds = set(getattr(config, "layer_types", None) or []) - {"full_attention"}
    if getattr(config, "attention_chunk_size", None):
        kinds.add("attention_chunk_size")
    if kinds:
        raise NotImplementedError(
            f"{name}: cannot run in the engine transformers, which has decoders with full causal "
            f"attention: config.json asks for {', '.join(sorted(kinds))}"
        )
