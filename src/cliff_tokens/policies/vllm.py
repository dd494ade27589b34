"""Rollouts in vLLM: the engine for GPUs. Tests run the same adapter on vLLM's CPU build.

Every rollout is a request of its own, with its own seed. vLLM gives requests of equal seed the same
random numbers, whatever their prompts are, and the rollouts of a request with ``n`` the seeds that
follow one another; here the seed is the rollout's stream, so that a rollout is the same alone, in
any company, and in any order, as long as the logits are. vLLM draws its own numbers from the seed:
rollouts have the law of those of the engine ``transformers``, they are not the same tokens. On a
GPU the kernels, and with them the last bits of the logits, depend on the batch, so that there a
rerun agrees in law and in almost all tokens; on the CPU it agrees in every one.

Requests go in by token ids, so that prompts which share a prefix follow one another and vLLM's
prefix cache has it; a bounded number is in flight. On a GPU vLLM steps in a process of its own,
which goes on with those while completions are graded here.

Logits come from one pass of the stock transformers model, float32 on the CPU and bfloat16 on CUDA.
vLLM does offer log-probabilities of the prompt, but as one Python object for each token of the
vocabulary at each position: 38 million for a trace of 250 tokens and Qwen3's vocabulary. The pass
costs no more than reading the prompt, gives whole rows, so that the sampler's support is exact, and
agrees with what vLLM computes to float rounding (tests compare the two).
"""

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from cliff_tokens.policies import (
    Completion,
    Request,
    check_ids,
    check_logits,
    check_requests,
    check_sequences,
    checkpoint,
)
from cliff_tokens.policies.sampling import Sampler

# vLLM's CPU build works with these and fails or crawls without; a value that is set already stays.
_ON_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GB; by default it asks for nearly all memory there is
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # one thread per process, as everywhere here
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # spawned there, a process would run our script again
    "TORCHDYNAMO_DISABLE": "1",  # compiles for seconds what is run for milliseconds
}
_ALWAYS = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_RAISE_ON_LOGIT_NANS": "1",  # else it draws some token from them
}

_ROWS = 256  # rollouts that run at once; vLLM queues what does not fit in its cache
_IN_FLIGHT = 4  # requests handed over for each row, so that the queue lasts while others are graded


class VllmEngine:
    """A causal language model from a folder, and a LoRA ``adapter`` folder or none.

    vLLM starts with the first call of ``generate``, the stock model with the first call of
    ``score``, so that a job which needs one of them does not hold both.

    Args:
        model: folder of the model.
        adapter: folder of a LoRA adapter, or None.
        context: most tokens of prompt and response together; None: all positions the model has.
        gpus: GPUs that each layer is spread over.
        gpu_memory: share of their memory that weights and cache may take.
    """

    def __init__(
        self,
        model: str | Path,
        adapter: str | Path | None = None,
        context: int | None = None,
        gpus: int = 1,
        gpu_memory: float = 0.9,
    ):
        self.model, self.gpus, self.gpu_memory = str(model), gpus, gpu_memory
        self.adapter = None if adapter is None else str(adapter)
        config = checkpoint.open_config(self.model)
        positions = getattr(config.get_text_config(), "max_position_embeddings", None)
        if context and positions and context > positions:
            raise ValueError(
                f"{model}: a context of {context} tokens exceeds the model's {positions} positions"
            )
        self.context = context or positions
        checkpoint.check_angles(model, config, self.context or 0)
        self.vocabulary = config.get_text_config().vocab_size
        self.stops = checkpoint.stops(self.model, self.vocabulary)
        self.on_cpu = torch.version.cuda is None
        self.rounding = 1e-3 if self.on_cpu else 0.25
        self.slow = self.on_cpu
        self._engine = self._scorer = None

    def generate(
        self, requests: Sequence[Request], sampler: Sampler, stops: Sequence[int] = ()
    ) -> Iterator[Completion]:
        check_requests(requests, self.context)
        check_ids(self.model, self.vocabulary, (request.prompt_ids for request in requests))
        stops = np.union1d(self.stops, stops).astype(np.int64).tolist()
        return self._generate(requests, sampler, stops)

    def _generate(self, requests, sampler, stops):
        waiting = _in_order(requests)
        flying = set()
        exhausted = False
        try:
            while True:
                while not exhausted and len(flying) < _ROWS * _IN_FLIGHT:
                    key = next(waiting, None)
                    if key is None:
                        exhausted = True
                    else:
                        self._submit(key, requests[key[0]], sampler, stops)
                        flying.add(key)
                if not flying:
                    return
                for output in self._step():
                    if output.finished:
                        request, rollout = map(int, output.request_id.split("/"))
                        flying.remove((request, rollout))
                        yield _completion(request, rollout, output.outputs[0])
        finally:
            if flying:  # whoever asked has stopped listening
                self._engine.abort_request([f"{request}/{rollout}" for request, rollout in flying])

    def _step(self):
        try:
            return self._engine.step()
        except Exception as error:  # of vLLM's own kinds, none of which names the model
            raise RuntimeError(f"{self.model}: vLLM stopped: {error}") from error

    def _submit(self, key: tuple[int, int], request: Request, sampler: Sampler, stops: list[int]):
        from vllm import SamplingParams
        from vllm.lora.request import LoRARequest
        from vllm.sampling_params import RequestOutputKind

        if self._engine is None:
            self._engine = self._start()
        index, rollout = key
        params = SamplingParams(
            temperature=sampler.temperature,
            top_p=sampler.top_p,
            top_k=sampler.top_k,  # 0 is off here, too
            seed=int(request.streams[rollout]) >> 1,  # of 64 bits vLLM takes 63
            max_tokens=request.max_tokens,
            # The set that every engine stops at, and it alone.
            stop_token_ids=stops,
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        lora = LoRARequest("adapter", 1, self.adapter) if self.adapter else None
        prompt = {"prompt_token_ids": request.prompt_ids.tolist()}
        self._engine.add_request(f"{index}/{rollout}", prompt, params, lora_request=lora)

    def _start(self):
        for name, value in ({**_ON_CPU, **_ALWAYS} if self.on_cpu else _ALWAYS).items():
            os.environ.setdefault(name, value)
        if not self.on_cpu and torch.cuda.is_initialized():
            # Forked, as usual, vLLM's process could not use CUDA then; spawned, see above.
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        from vllm import EngineArgs, LLMEngine

        checkpoint.check_model(self.model, self.adapter)

        if self.on_cpu:
            options = {
                "dtype": "float32",
                "enforce_eager": True,
                "block_size": 32,  # the smallest of the CPU; shorter prompts would share nothing
                "enable_chunked_prefill": False,  # its generator for seeds cannot be wound back
                "max_num_batched_tokens": max(4096, self.context or 0),
            }
        else:
            options = {
                "dtype": "bfloat16",
                "gpu_memory_utilization": self.gpu_memory,
                "tensor_parallel_size": self.gpus,
            }
        if self.adapter:
            options |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": _rank(self.adapter)}
        arguments = EngineArgs(
            model=self.model,
            skip_tokenizer_init=True,
            language_model_only=True,  # of Gemma 3, which also reads pictures
            max_model_len=self.context,
            max_num_seqs=_ROWS,
            enable_prefix_caching=True,
            generation_config="vllm",  # no sampling defaults of the checkpoint's own
            disable_log_stats=True,
            use_tqdm_on_load=False,
            **options,
        )
        return LLMEngine.from_engine_args(arguments)

    def score(self, sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        check_sequences(sequences, self.context)
        check_ids(self.model, self.vocabulary, chain.from_iterable(sequences))
        return self._score(sequences)

    def _score(self, sequences):
        for prompt, tokens in sequences:
            if self._scorer is None:
                device = "cpu" if self.on_cpu else "cuda"
                self._scorer = checkpoint.open_model(self.model, device, self.adapter)
            yield self._logits(prompt, tokens)

    @torch.inference_mode()
    def _logits(self, prompt, tokens) -> np.ndarray:
        text = torch.from_numpy(np.concatenate([prompt, tokens]).astype(np.int64))[None]
        # The last row predicts what follows the last token: it is computed and left out.
        output = self._scorer(
            text.to(self._scorer.device), use_cache=False, logits_to_keep=len(tokens) + 1
        )
        logits = output.logits[0, :-1].float().cpu().numpy()
        check_logits(self.model, logits)
        return logits


def _in_order(requests: Sequence[Request]) -> Iterator[tuple[int, int]]:
    """(request, rollout) of everything asked for, prompts sorted by their token ids.

    A prefix comes right before what continues it, so that it is in the cache when that is read.
    """
    for index in sorted(
        range(len(requests)), key=lambda i: requests[i].prompt_ids.astype(">i4").tobytes()
    ):
        for rollout in range(len(requests[index].streams)):
            yield index, rollout


def _completion(request: int, rollout: int, output) -> Completion:
    if output.finish_reason not in ("stop", "length"):
        raise RuntimeError(
            f"request {request}, rollout {rollout}: vLLM ended it with {output.finish_reason!r}; "
            "expected 'stop' or 'length'"
        )
    token_ids = np.asarray(output.token_ids, dtype=np.int32)
    return Completion(request, rollout, token_ids, output.finish_reason)


def _rank(adapter: str) -> int:
    """The smallest rank of an adapter that vLLM can make room for and this one fits in."""
    from peft import LoraConfig

    rank = LoraConfig.from_pretrained(adapter).r
    return next(room for room in (8, 16, 32, 64, 128, 256, 320, 512) if rank <= room)
