"""What the stages ask of an inference engine, and how one is opened.

Engines deal in token ids only: they know nothing of chat templates, problems or grading.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from cliff_tokens.sampling import Sampler


@dataclass(frozen=True)
class Request:
    """Continue one prompt several times, each time with a random stream of its own."""

    prompt_ids: np.ndarray  # int32 [length], everything before the first generated token
    streams: np.ndarray  # uint64 [rollouts], from sampling.streams
    max_tokens: int  # limit on the continuation, end-of-sequence token included


@dataclass(frozen=True)
class Completion:
    """One continuation; ``token_ids`` ends with the end-of-sequence token if it was sampled."""

    request: int  # index into the requests
    rollout: int  # index into that request's streams
    token_ids: np.ndarray  # int32 [generated]
    finish: Literal["stop", "length"]


class Engine(Protocol):
    """One loaded model."""

    stops: np.ndarray  # int64, the end-of-sequence tokens

    def generate(self, requests: Sequence[Request], sampler: Sampler) -> Iterator[Completion]:
        """Every rollout of every request, each once, in no particular order, as they finish.

        Token number i of a rollout is drawn with ``sampling.uniforms(stream, i)``, so that it
        depends on the prompt, the stream and the sampler only, not on what runs beside it.
        A request with ``max_tokens`` 0 is an error.
        """

    def score(self, sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        """Teacher-forced logits of (prompt_ids, token_ids) pairs, in order.

        Each array is float32 [tokens, vocabulary]; row i predicts ``token_ids[i]``.
        """


def open_engine(
    name: str, model: str, revision: str | None = None, adapter: str | None = None, **options
) -> Engine:
    """Load ``model`` (a folder or a Hub id with ``revision``) in the engine called ``name``.

    ``adapter`` is the folder of a LoRA adapter, or None. ``options`` are the engine's own.
    """
    if name == "transformers":
        from cliff_tokens.engines.transformers import TransformersEngine

        return TransformersEngine(model, revision, adapter, **options)
    if name == "vllm":
        from cliff_tokens.engines.vllm import VllmEngine

        return VllmEngine(model, revision, adapter, **options)
    raise ValueError(f"engine: {name!r} is not known; this version offers: transformers, vllm")
