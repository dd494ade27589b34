"""Attention of the transformers engine: who reads which keys and values.

The model's own layers are used as they are; only their attention is replaced, by a *pattern*,
through the interface that transformers has for this. ``Prefill`` reads prompts, ``Decode`` feeds
one token to every row of a pool.
"""

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "cliff_tokens"  # what transformers knows this attention by


def _attention(module, query, key, value, attention_mask, scaling=None, pattern=None, **kwargs):
    """The attention of every layer: ``pattern`` says who reads what.

    query [rows, heads, tokens, width], key and value [rows, kv heads, tokens, width]
    -> [rows, tokens, heads, width]
    """
    refused = ("sliding_window", "softcap", "s_aux", "position_bias")
    extra = [name for name in refused if kwargs.get(name) is not None]
    if pattern is None or attention_mask is not None or extra:
        raise NotImplementedError(
            f"its {type(module).__name__} asks for {', '.join(extra) or 'a mask of its own'}"
        )
    if key.shape != value.shape:
        raise NotImplementedError(f"its {type(module).__name__} has keys and values of two widths")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return pattern.attend(module.layer_idx, query, key, value, scaling), None


ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)


class Prefill:
    """Causal attention over right-padded prompts.

    ``keep``: whether keys and values are remembered, for ``columns``.
    """

    def __init__(self, keep: bool = True):
        self.keep, self.layers = keep, []

    def attend(self, layer, query, key, value, scaling):
        """The attention of one layer; the arguments are those of ``_attention``."""
        if self.keep:
            self.layers.append(torch.stack([key, value]))
        grouped = query.shape[1] != key.shape[1]
        result = scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
        )
        return result.transpose(1, 2)

    def columns(self) -> torch.Tensor:
        """Keys and values of all layers: [layers, 2, prompts, kv heads, tokens, width]."""
        return torch.stack(self.layers)


class Decode:
    """One token per row: attention to the shared columns and to the row's own.

    Own columns are aligned on the right, so that all rows fill the same column in a step; rows
    are sorted by how many they have, most first, and split into blocks of similar length.
    """

    def __init__(self, columns: torch.Tensor, shared: torch.Tensor, rows: np.ndarray, starts):
        """
        Args:
            columns: of the rows themselves, [layers, 2, slots, kv heads, capacity, width].
            shared: of the trunks side by side, [layers, 2, kv heads, shared columns, width].
            rows: of the pool (``pool.ROW``), those with most own columns first.
            starts: int [rows], where each row's trunk begins in ``shared``.
        """
        self.columns, self.shared, self.common = columns, shared, shared.shape[-2]
        own, prefix = rows["own"], rows["prefix"]
        self.column = int(own[0])  # the one that the next step fills
        self.positions = torch.from_numpy(own + prefix)[:, None].to(columns.device)
        place, starts = np.arange(self.common), starts[:, None]
        hidden_shared = (place < starts) | (place >= starts + prefix[:, None])
        hidden_own = np.arange(columns.shape[-2]) < self.column - own[:, None]
        self.blocks = []
        for low, high in blocks_of(own):
            first = self.column - int(own[low])
            hidden = np.concatenate([hidden_shared[low:high], hidden_own[low:high, first:]], axis=1)
            mask = torch.zeros(hidden.shape, dtype=columns.dtype)
            mask.masked_fill_(torch.from_numpy(hidden), -torch.inf)
            self.blocks.append((low, high, first, mask.to(columns.device)[:, None, None]))

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


def blocks_of(lengths: np.ndarray, smallest: int = 32) -> list[tuple[int, int]]:
    """Cut rows sorted by length, longest first, where it falls below half of the block's first."""
    blocks, low, rows = [], 0, len(lengths)
    while low < rows:
        high = int((lengths > lengths[low] // 2).sum())
        high = rows if rows - high < smallest else max(high, low + smallest)
        blocks.append((low, min(high, rows)))
        low = high
    return blocks
