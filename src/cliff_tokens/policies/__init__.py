"""What writes: a policy is a model and how it is sampled, and a potential is that of a policy.

Engines deal in token ids only: they know nothing of chat templates, problems or grading.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer


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
    rounding: float  # by how much a logit may differ from pass to pass
    slow: bool  # whether it generates only some hundred tokens a second

    def generate(
        self, requests: Sequence[Request], sampler: Sampler, stops: Sequence[int] = ()
    ) -> Iterator[Completion]:
        """Every rollout of every request, each once, in no particular order, as they finish.

        A rollout ends with an end-of-sequence token or one of ``stops``.

        Token number i of a rollout is drawn with ``sampling.uniforms(stream, i)``, so that it
        depends on the prompt, the stream and the sampler only, not on what runs beside it.
        A request with ``max_tokens`` 0 is an error.
        """

    def score(self, sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        """Teacher-forced logits of (prompt_ids, token_ids) pairs, in order.

        Each array is float32 [tokens, vocabulary]; row i predicts ``token_ids[i]``.
        """


@dataclass(frozen=True)
class Policy:
    """A loaded model, its tokenizer and the sampler that draws its tokens."""

    engine: Engine
    tokenizer: ChatTokenizer
    sampler: Sampler

    def generate(
        self, requests: Sequence[Request], until: str | None = None
    ) -> Iterator[Completion]:
        """Every rollout of every request; one ends with a token that contains ``until``, too."""
        stops = self.tokenizer.containing(until) if until else ()
        return self.engine.generate(requests, self.sampler, stops)

    def stops(self, until: str | None = None) -> set[int]:
        """The tokens with which ``generate`` ends a rollout."""
        also = self.tokenizer.containing(until) if until else ()
        return {*map(int, self.engine.stops), *map(int, also)}

    def check_drew(self, traces: pd.DataFrame) -> None:
        """Refuse traces that another sampler drew: their potential is another policy's."""
        other = traces[traces["sampler"] != self.sampler.as_json()]
        if len(other):
            raise ValueError(
                f"{other['trace_id'].iloc[0]}: drawn with the sampler {other['sampler'].iloc[0]}, "
                f"but this step uses {self.sampler.as_json()}; sample the traces again"
            )


def check_requests(requests: Sequence[Request], context: int | None) -> None:
    """Refuse requests that no engine can answer: empty, or beyond ``context`` tokens in all.

    ``context`` None sets no limit.
    """
    for index, request in enumerate(requests):
        length = len(request.prompt_ids)
        if length == 0:
            raise ValueError(f"request {index}: the prompt is empty; expected at least one token")
        if request.max_tokens < 1:
            raise ValueError(
                f"request {index}: max_tokens is {request.max_tokens}; expected at least 1"
            )
        if context and length + request.max_tokens > context:
            raise ValueError(
                f"request {index}: {length} prompt tokens and {request.max_tokens} new ones "
                f"exceed the {context} tokens that the engine makes room for"
            )


def check_sequences(
    sequences: Sequence[tuple[np.ndarray, np.ndarray]], context: int | None
) -> None:
    """Refuse (prompt_ids, token_ids) pairs that no engine can score: no prompt, or too long.

    ``context`` None sets no limit.
    """
    for prompt, tokens in sequences:
        length = len(prompt) + len(tokens)
        if not len(prompt):
            raise ValueError("score: a prompt is empty; expected at least one token")
        if context and length > context:
            raise ValueError(
                f"score: a sequence of {length} tokens exceeds the {context} positions that the "
                "engine makes room for"
            )


def check_ids(model: str, vocabulary: int, arrays: Iterable[np.ndarray]) -> None:
    """Refuse token ids that a model of ``vocabulary`` tokens, called ``model``, does not have."""
    largest = max((int(ids.max()) for ids in arrays if len(ids)), default=0)
    if largest >= vocabulary:
        raise ValueError(
            f"{model}: config.json has a vocab_size of {vocabulary}, but a text has the token id "
            f"{largest}; expected text of the tokenizer that the model was trained with"
        )


def check_logits(model: str, logits: np.ndarray) -> None:
    """Refuse logits [..., vocabulary] from which nothing can be drawn; single -inf are none."""
    if not np.isfinite(logits.max(axis=-1)).all():
        raise FloatingPointError(
            f"{model}: the model computes logits that are not finite; look at its weights, at its "
            "adapter, and whether it can do with the precision that it runs in"
        )


def open_engine(name: str, model: str, adapter: str | None = None, **options) -> Engine:
    """Load ``model`` (a folder) in the engine called ``name``.

    ``adapter`` is the folder of a LoRA adapter, or None. ``options`` are the engine's own.
    """
    if name == "transformers":
        from cliff_tokens.policies.transformers import TransformersEngine

        return TransformersEngine(model, adapter, **options)
    if name == "vllm":
        from cliff_tokens.policies.vllm import VllmEngine

        return VllmEngine(model, adapter, **options)
    raise ValueError(f"engine: {name!r} is not known; this version offers: transformers, vllm")
