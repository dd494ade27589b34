"""Attention of the transformers engine: who reads which keys and values.

The model's own layers are used as they are; only their attention is replaced, by a *pattern*,
through the interface that transformers has for this. ``Prefill`` reads prompts, ``Decode`` feeds
one token to every row of a pool.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "cliff_tokens"  # what transformers knows this attention by


class AttentionError(NotImplementedError):
    """A layer that asks for what this attention does not do."""


def _attention(module, query, key, value, attention_mask, scaling=None, pattern=None, **kwargs):
    """The attention of every layer: ``pattern`` says who reads what.

    query [rows, heads, tokens, width], key and value [rows, kv heads, tokens, width]
    -> [rows, tokens, heads, width]
    """
    refused = ("sliding_window", "softcap", "s_aux", "position_bias")
    extra = [name for name in refused if kwargs.get(name) is not None]
    if pattern is None or attention_mask is not None or extra:
        raise AttentionError(
            f"its {type(module).__name__} asks for {', '.join(extra) or 'a mask of its own'}"
        )
    if key.shape != value.shape:
        raise AttentionError(f"its {type(module).__name__} has keys and values of two widths")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return pattern.attend(module.layer_idx, query, key, value, scaling), None


ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)


class Prefill:
    """Causal attention over right-padded prompts.

    ``keep``: whether keys and values are remembered, for ``columns``. ``stem``: columns that all of
    the prompts go on from, [layers, 2, kv heads, columns, width]; None: they begin here.
    """

    def __init__(self, keep: bool = True, stem: torch.Tensor | None = None):
        self.keep, self.layers = keep, []
        self.stem = None if stem is None or not stem.shape[-2] else stem

    def attend(self, layer, query, key, value, scaling):
        """The attention of one layer; the arguments are those of ``_attention``."""
        if self.keep:
            self.layers.append(torch.stack([key, value]))
        options = {"scale": scaling, "enable_gqa": query.shape[1] != key.shape[1]}
        if self.stem is None:
            options["is_causal"] = True
        else:
            length, before = query.shape[2], self.stem.shape[-2]
            past = self.stem[layer][:, None].expand(-1, len(key), -1, -1, -1)
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
            seen = torch.ones(length, before + length, dtype=torch.bool, device=key.device)
            options["attn_mask"] = seen.tril(before)
        return scaled_dot_product_attention(query, key, value, **options).transpose(1, 2)

    def columns(self) -> torch.Tensor:
        """Keys and values of all layers: [layers, 2, prompts, kv heads, tokens, width]."""
        return torch.stack(self.layers)


class Decode:
    """One token per row: attention to the columns of the row's trunk and to its own.

    Rows that read one trunk stand side by side (a *span*), so that its columns are one matrix
    product for all of them. Own columns are aligned on the right, so that all rows fill the same
    column in a step; the rows of a span are sorted by how many they have, most first, and split
    into blocks of similar length.
    """

    def __init__(
        self,
        columns: torch.Tensor,
        trunks: Sequence[torch.Tensor],
        rows: np.ndarray,
        spans: Sequence[tuple[int, int]],
    ):
        """
        Args:
            columns: of the rows themselves, [layers, 2, slots, kv heads, capacity, width].
            trunks: columns that the rows of each span read, [layers, 2, kv heads, columns, width];
                a row reads the first of them, as many as its prefix.
            rows: of the pool (``pool.ROW``), span by span.
            spans: first row of each, and the one after its last.
        """
        own, prefix = rows["own"], rows["prefix"]
        self.columns = columns
        self.column = int(own.max())  # the one that the next step fills
        self.positions = torch.from_numpy(own + prefix)[:, None].to(columns.device)
        self.blocks = []
        place = np.arange(columns.shape[-2])
        for low, high, span in blocks_within(spans, own):
            first, trunk = self.column - int(own[low]), trunks[span]
            read = np.arange(trunk.shape[-2]) < prefix[low:high, None]
            filled = place[first:] >= self.column - own[low:high, None]
            seen = np.concatenate([read, filled], axis=1)
            mask = torch.zeros(seen.shape, dtype=columns.dtype)
            mask.masked_fill_(torch.from_numpy(~seen), -torch.inf)
            mask = mask.to(columns.device)[:, None, None]
            self.blocks.append((low, high, first, trunk, mask))

    def advance(self):
        """Go on to the next token; to be called after each step."""
        self.column += 1
        self.positions += 1

    def attend(self, layer, query, key, value, scaling):
        """The attention of one layer; the arguments are those of ``_attention``."""
        rows, heads, _, width = query.shape
        kv, end = key.shape[1], self.column + 1
        keys, values = self.columns[layer]
        keys[:rows, :, self.column] = key[:, :, 0]
        values[:rows, :, self.column] = value[:, :, 0]
        query = (query * scaling).view(rows, kv, heads // kv, width)
        parts = [
            _block(
                query[low:high],
                keys[low:high, :, first:end],
                values[low:high, :, first:end],
                trunk[layer],
                mask[..., : trunk.shape[-2] + end - first],
            )
            for low, high, first, trunk, mask in self.blocks
        ]
        return torch.cat(parts).view(rows, 1, heads, width)


def _block(query, keys, values, trunk, mask):
    """query [rows, kv heads, group, width] over a trunk's and own columns, one softmax."""
    rows, kv, group, width = query.shape
    scores = query @ keys.transpose(-1, -2)
    common = trunk.shape[-2]
    if not common:
        return torch.softmax(scores.add_(mask), dim=-1) @ values
    flat = query.transpose(0, 1).reshape(kv, rows * group, width)
    shared = (flat @ trunk[0].transpose(-1, -2)).view(kv, rows, group, -1).transpose(0, 1)
    weights = torch.softmax(torch.cat([shared, scores], dim=-1).add_(mask), dim=-1)
    flat = weights[..., :common].transpose(0, 1).reshape(kv, rows * group, -1)
    # This way round the product is several times faster for heads narrower than a register.
    shared = (trunk[1].transpose(-1, -2) @ flat.transpose(-1, -2)).view(kv, width, rows, group)
    return (weights[..., common:] @ values).add_(shared.permute(2, 0, 3, 1))


def blocks_within(
    spans: Sequence[tuple[int, int]], lengths: np.ndarray
) -> list[tuple[int, int, int]]:
    """The blocks of every span: first row, the one after the last, and which span it is of."""
    return [
        (start + low, start + high, span)
        for span, (start, stop) in enumerate(spans)
        for low, high in blocks_of(lengths[start:stop])
    ]


def blocks_of(lengths: np.ndarray, smallest: int = 128) -> list[tuple[int, int]]:
    """Cut rows sorted by length, longest first, where it falls below half of the block's first."""
    blocks, low, rows = [], 0, len(lengths)
    while low < rows:
        high = int((lengths > lengths[low] // 2).sum())
        high = rows if rows - high < smallest else max(high, low + smallest)
        blocks.append((low, min(high, rows)))
        low = high
    return blocks
