"""Rollouts from nested prefixes in vLLM: one seeded request each, or one request with n a prefix.

    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/vllm_rollouts.py [checkpoint folder]

``--qwen3`` makes a model of the shape of Qwen3-0.6B with random weights, for a GPU. Ways take turns
within every repetition, and ratios are taken within one, so that a busy machine slows all alike.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from cliff_tokens.policies import Request, open_engine
from cliff_tokens.policies.sampling import Sampler, streams

TESTBED = Path(__file__).parent.parent / "resources" / "testbed" / "testbed-large"
SAMPLER = Sampler(temperature=1.0, top_p=0.95)


def qwen3_shaped(folder: str) -> str:
    """Random weights in the shape of Qwen3-0.6B; rollouts end at the limit."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=151936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=40960,
        tie_word_embeddings=True,
        eos_token_id=151645,
    )
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def nested(engine, prefixes: int, rollouts: int, limit: int) -> list[Request]:
    """Requests at every prefix of one trace sampled from the model."""
    prompt = np.random.default_rng(0).integers(4, engine.vocabulary, 40).astype(np.int32)
    first = Request(prompt, streams(0, "trace", count=64), prefixes + 1)
    longest = max(engine.generate([first], SAMPLER), key=lambda found: len(found.token_ids))
    trace = np.concatenate([prompt, longest.token_ids[:-1]])
    return [
        Request(trace[:t], streams(0, "rollout", t, count=rollouts), limit)
        for t in range(len(prompt), len(trace) + 1)
    ]


def one_request_a_rollout(engine, requests) -> int:
    return sum(len(found.token_ids) for found in engine.generate(requests, SAMPLER))


def one_request_a_prefix(engine, requests, seeded: bool) -> int:
    """n rollouts a request, all requests handed over at once, as the released code of the paper."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    for index, request in enumerate(requests):
        params = SamplingParams(
            n=len(request.streams),
            temperature=SAMPLER.temperature,
            top_p=SAMPLER.top_p,
            seed=int(request.streams[0]) >> 1 if seeded else None,
            max_tokens=request.max_tokens,
            stop_token_ids=engine.stops.tolist(),
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        prompt = {"prompt_token_ids": request.prompt_ids.tolist()}
        engine._engine.add_request(str(index), prompt, params)
    tokens, left = 0, len(requests)
    while left:
        for output in engine._engine.step():
            if output.finished:
                left -= 1
                tokens += sum(len(one.token_ids) for one in output.outputs)
    return tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default=str(TESTBED))
    parser.add_argument("--qwen3", action="store_true", help="a random model, Qwen3-0.6B's shape")
    parser.add_argument("--prefixes", type=int, default=24)
    parser.add_argument("--rollouts", type=int, default=64)
    parser.add_argument("--limit", type=int, default=96)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = qwen3_shaped(folder) if options.qwen3 else options.checkpoint
        engine = open_engine("vllm", checkpoint, context=512)
        requests = nested(engine, options.prefixes, options.rollouts, options.limit)
        ways = {
            "one request a rollout": lambda: one_request_a_rollout(engine, requests),
            "n a prefix, seeded": lambda: one_request_a_prefix(engine, requests, True),
            "n a prefix, no seed": lambda: one_request_a_prefix(engine, requests, False),
        }
        clock(ways["one request a rollout"])  # warms up what is compiled on first use
        measured = [
            {name: clock(way) for name, way in ways.items()} for _ in range(options.repetitions)
        ]
    print(f"{len(requests)} prefixes, {options.rollouts} rollouts each\n")
    print("| | generated tokens/s | of one request a rollout |")
    print("|---|---|---|")
    for name in ways:
        speeds = [tokens / seconds for tokens, seconds in (m[name] for m in measured)]
        ours = [m["one request a rollout"] for m in measured]
        ratios = [s / (tokens / seconds) for s, (tokens, seconds) in zip(speeds, ours, strict=True)]
        print(f"| {name} | {median(speeds):.0f} | {median(ratios):.2f} |")


def clock(way) -> tuple[int, float]:
    """Tokens and seconds of one run."""
    start = time.perf_counter()
    tokens = way()
    return tokens, time.perf_counter() - start


if __name__ == "__main__":
    main()
