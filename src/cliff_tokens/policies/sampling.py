"""The sampler (temperature, top_k, top_p) and the random numbers that drive it.

Truncation follows vLLM and Hugging Face: temperature first, then top_k, then top_p as the
smallest set of most probable tokens that reaches the mass ``top_p``. Ties at the edge are kept,
unless one token alone reaches ``top_p``. Every random number is keyed by what it is drawn for,
never by batch or order.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TIE = 1e-9  # log-probabilities closer than this share a rank


@dataclass(frozen=True)
class Sampler:
    """How the next token is drawn. ``temperature`` 0 is greedy; ``top_k`` 0 keeps every token."""

    temperature: float
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self):
        if not 0 <= self.temperature < math.inf:  # NaN is refused, too
            raise ValueError(f"sampler: temperature must be >= 0, found {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"sampler: top_p must be in (0, 1], found {self.top_p}")
        if not (self.top_k >= 0 and self.top_k == self.top_k // 1):
            raise ValueError(
                f"sampler: top_k must be a whole number >= 0 (0 keeps all), found {self.top_k}"
            )

    def as_json(self) -> str:
        """As the ``traces`` table records it."""
        return json.dumps(asdict(self), sort_keys=True)


def distribution(logits: np.ndarray, sampler: Sampler) -> np.ndarray:
    """Probabilities the sampler gives each token.

    ``logits`` [..., vocabulary] -> float64 of the same shape; rows sum to 1 and hold exact
    zeros outside the support, exactly 1 where a single token survives. A logit may be -inf, but
    not all of a row, and none infinite or NaN.
    """
    logits = np.asarray(logits, dtype=np.float64)
    top = logits.max(axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        raise FloatingPointError("sampler: the largest logit of a row is not finite")
    if sampler.temperature == 0:
        kept = logits == top
        kept &= np.cumsum(kept, axis=-1) == 1  # ties: the lowest id, as argmax does
        return kept.astype(np.float64)
    weights = np.exp((logits - top) / sampler.temperature)
    vocabulary = weights.shape[-1]
    if 0 < sampler.top_k < vocabulary:
        last = np.partition(weights, vocabulary - sampler.top_k, axis=-1)
        last = last[..., vocabulary - sampler.top_k, None]
        weights = np.where(weights < last, 0.0, weights)
    probabilities = weights / weights.sum(axis=-1, keepdims=True)
    if sampler.top_p < 1:
        probabilities = nucleus(probabilities, sampler.top_p)
    return probabilities


def within_reach(
    logits: np.ndarray, token_ids: np.ndarray, sampler: Sampler, rounding: float
) -> np.ndarray:
    """Whether each of ``token_ids`` [rows] could be drawn if the logits were rounded otherwise.

    ``logits`` [rows, vocabulary], each of which may be off by ``rounding``.
    """
    rows = np.arange(len(token_ids))
    raised = np.array(logits, dtype=np.float64)
    raised[rows, token_ids] += 2 * rounding
    if sampler.temperature > 0:
        # Odds of the mass before a token and the mass after it shift by as much.
        left = (1 - sampler.top_p) * np.exp(-2 * rounding / sampler.temperature)
        sampler = replace(sampler, top_p=1 - left)
    return distribution(raised, sampler)[rows, token_ids] > 0


def nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """Keep the smallest set of most probable tokens with mass >= top_p; renormalize.

    ``probabilities`` [..., tokens]; those of tokens that are never kept may be left out.
    """
    flat = probabilities.reshape(-1, probabilities.shape[-1])
    result = np.zeros_like(flat)
    best = flat.argmax(axis=-1)
    single = flat[np.arange(len(flat)), best] >= top_p
    result[single, best[single]] = 1.0
    rest = flat[~single]
    if len(rest):
        descending = -np.sort(-rest, axis=-1)
        # The first place at which the mass is reached; float sums may miss top_p = 1 - tiny.
        needed = (np.cumsum(descending, axis=-1) < top_p).sum(axis=-1)
        needed = np.minimum(needed, rest.shape[-1] - 1)
        last = descending[np.arange(len(rest)), needed][:, None]
        kept = np.where(rest < last, 0.0, rest)
        result[~single] = kept / kept.sum(axis=-1, keepdims=True)
    return result.reshape(probabilities.shape)


def ranks(log_probabilities: np.ndarray, token_ids: np.ndarray) -> np.ndarray:
    """1 + the tokens that are strictly more probable than each of ``token_ids`` [rows].

    ``log_probabilities`` [rows, vocabulary], or [1, vocabulary] for all of them.
    """
    rows = np.arange(len(token_ids)) % len(log_probabilities)
    of_tokens = log_probabilities[rows, token_ids]
    return 1 + (log_probabilities > of_tokens[:, None] + _TIE).sum(axis=-1)


def draw(
    probabilities: np.ndarray, uniforms: np.ndarray, rows: np.ndarray | None = None
) -> np.ndarray:
    """Token ids [draws] by inversion, each from its row of the probabilities.

    ``probabilities`` [rows, vocabulary], ``uniforms`` [draws], ``rows`` int [draws]; None: each its
    own.
    """
    cumulative = np.cumsum(probabilities, axis=-1)
    if rows is not None:
        cumulative = cumulative[rows]
    targets = uniforms * cumulative[:, -1]
    return (cumulative <= targets[:, None]).sum(axis=-1)


def stream(seed: int, *key: object) -> np.uint64:
    """A 64-bit random stream for one thing, named by the run's seed and its key."""
    text = "\x1f".join([str(seed), *map(str, key)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def streams(seed: int, *key: object, count: int) -> np.ndarray:
    """``count`` streams, uint64 [count]: rollout k of the thing named by the key."""
    base = np.full(count, stream(seed, *key), dtype=np.uint64)
    return _mix(base, np.arange(1, count + 1, dtype=np.uint64))


def uniforms(streams: np.ndarray, step: np.ndarray | int) -> np.ndarray:
    """Float64 in [0, 1): number ``step`` (an integer or one per stream) of each stream."""
    step = np.asarray(step, dtype=np.uint64) + np.uint64(1)
    bits = _mix(np.asarray(streams, dtype=np.uint64), step)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: np.ndarray, step: np.ndarray) -> np.ndarray:
    """SplitMix64: output ``step`` of the generator that starts at ``state``."""
    with np.errstate(over="ignore"):
        z = state + step * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        return z ^ (z >> np.uint64(31))
