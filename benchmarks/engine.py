"""Rollouts from the nested prefixes of one trace: this repository's engine against generate().

    OMP_NUM_THREADS=1 python benchmarks/engine.py [checkpoint folder] [--vllm]

or, with ``--branches results/RUN DATASET``, those that the recursion planned for a model of that
name there: a few branches at each of many places, on many traces.

All columns get the same prefixes, sampler and limits and take turns within every repetition;
the ratio is taken within a repetition, so that a busy machine slows both sides alike.
"""

import argparse
import os
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from cliff_tokens import tables
from cliff_tokens.policies import Request
from cliff_tokens.policies.sampling import Sampler, streams
from cliff_tokens.policies.transformers import TransformersEngine

TESTBED = Path(__file__).parent.parent / "resources" / "testbed" / "testbed-large"


def random_checkpoint(folder: str, hidden: int) -> str:
    """A Qwen3 with random weights; one token in forty ends the text, as in the testbed."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=120,
        hidden_size=hidden,
        intermediate_size=2 * hidden + 64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=hidden // 4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.15,
        bos_token_id=None,
        eos_token_id=[1, 2, 3],
        pad_token_id=0,
    )
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


def nested_requests(engine, sampler, prefixes: int, rollouts: int, limit: int) -> list[Request]:
    """Requests of ``rollouts`` streams at every prefix of one trace sampled from the model."""
    prompt = np.random.default_rng(0).integers(4, engine.vocabulary, 40).astype(np.int32)
    first = Request(prompt, streams(0, "trace", count=256), limit)
    found = max(engine.generate([first], sampler), key=lambda found: len(found.token_ids))
    trace = np.concatenate([prompt, found.token_ids[:-1]])
    ends = range(len(prompt), min(len(prompt) + prefixes, len(trace) + 1))
    return [Request(trace[:t], streams(0, "rollout", t, count=rollouts), limit) for t in ends]


def planned_requests(run: str, model: str, dataset: str, rows: int, limit: int) -> list[Request]:
    """The first ``rows`` of what the recursion planned in a finished run."""
    place = f"{model}/{dataset}.parquet"
    plan = tables.read(f"{run}/plans/recursive/{place}", "plans").head(rows)
    traces = tables.read(f"{run}/traces/{place}", "traces").set_index("trace_id")
    requests = []
    for row in plan.itertuples():
        trace = traces.loc[row.trace_id]
        prompt = [*trace.prompt_ids, *trace.token_ids[: row.prefix_t], row.token_id]
        keys = streams(0, "rollout", row.key, count=row.rollouts)
        requests.append(Request(np.array(prompt, dtype=np.int32), keys, limit))
    return requests


def run_engine(engine, requests, sampler) -> int:
    return sum(len(found.token_ids) for found in engine.generate(requests, sampler))


@contextmanager
def noting_given(engine):
    """How many tokens the model is given, call by call: equal texts once, prompts, ended rows."""
    sizes, forward = [], engine.forward
    engine.forward = lambda tokens, *rest, **more: (
        sizes.append(tokens.size) or forward(tokens, *rest, **more)
    )
    yield sizes
    del engine.forward


def run_in_batches(engine, requests, sampler, rollouts: int) -> int:
    """The same requests, ``rollouts`` at a time, so that the slots run empty after each."""
    size = max(1, rollouts // len(requests[0].streams))
    starts = range(0, len(requests), size)
    return sum(run_engine(engine, requests[start : start + size], sampler) for start in starts)


def run_generate(model, requests, sampler, batch: int) -> int:
    """Tokens that generate() yields up to the end of each text, not those it runs beyond."""
    import torch

    prompts = [request.prompt_ids for request in requests for _ in request.streams]
    prompts.sort(key=len)
    stops = np.atleast_1d(model.generation_config.eos_token_id)
    tokens = 0
    for start in range(0, len(prompts), batch):
        some = prompts[start : start + batch]
        width = max(map(len, some))
        ids = np.zeros((len(some), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, prompt in enumerate(some):
            ids[row, width - len(prompt) :], mask[row, width - len(prompt) :] = prompt, 1
        found = (
            model.generate(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=torch.from_numpy(mask).to(model.device),
                max_new_tokens=requests[0].max_tokens,
                do_sample=True,
                temperature=sampler.temperature,
                top_p=sampler.top_p,
                top_k=sampler.top_k,  # 0 keeps all; left out, it would be 50
                pad_token_id=0,
            )[:, width:]
            .cpu()
            .numpy()
        )
        ended = np.isin(found, stops)
        tokens += int(np.where(ended.any(1), ended.argmax(1) + 1, found.shape[1]).sum())
    return tokens


def open_vllm(checkpoint: str, requests, sampler):
    """A function that runs the same rollouts in vLLM, with its prefix cache."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=checkpoint,
        skip_tokenizer_init=True,
        dtype="float32",
        max_model_len=512,
        enforce_eager=True,
        enable_prefix_caching=True,
        block_size=32,  # the smallest there is on a CPU; shorter prompts share nothing otherwise
        enable_chunked_prefill=False,  # seeded requests need whole prompts there
        max_num_seqs=256,
        disable_log_stats=True,
    )
    settings = [
        SamplingParams(
            n=len(request.streams),
            temperature=sampler.temperature,
            top_p=sampler.top_p,
            top_k=sampler.top_k,
            max_tokens=request.max_tokens,
            detokenize=False,
        )
        for request in requests
    ]
    prompts = [{"prompt_token_ids": request.prompt_ids.tolist()} for request in requests]

    def run() -> int:
        found = llm.generate(prompts, settings, use_tqdm=False)
        return sum(len(one.token_ids) for request in found for one in request.outputs)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default=str(TESTBED) if TESTBED.exists() else None)
    parser.add_argument("--hidden", type=int, default=112, help="width of the random model")
    parser.add_argument("--prefixes", type=int, default=48)
    parser.add_argument("--rollouts", type=int, default=64)
    parser.add_argument("--branches", nargs=2, metavar=("RUN", "DATASET"), help="of a finished run")
    parser.add_argument("--rows", type=int, default=500, help="of the plan of branches")
    parser.add_argument("--limit", type=int, default=160)
    parser.add_argument("--slots", type=int, default=None)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", help="only, in so many rollouts")
    parser.add_argument("--vllm", action="store_true", help="add a column, if vllm is installed")
    options = parser.parse_args()

    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = options.checkpoint or random_checkpoint(folder, options.hidden)
        slots = {} if options.slots is None else {"slots": options.slots}
        engine = TransformersEngine(checkpoint, device="cpu", **slots)
        stock = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
        sampler = Sampler(temperature=0.7, top_p=0.9)
        if options.branches:
            run, dataset = options.branches
            model = Path(checkpoint).name
            requests = planned_requests(run, model, dataset, options.rows, options.limit)
        else:
            requests = nested_requests(
                engine, sampler, options.prefixes, options.rollouts, options.limit
            )
        columns = {
            "this engine": lambda: run_engine(engine, requests, sampler),
            "generate, batch 64": lambda: run_generate(stock, requests, sampler, 64),
            "generate, batch 256": lambda: run_generate(stock, requests, sampler, 256),
        }
        if options.batches:
            columns = {"this engine": columns["this engine"]} | {
                f"in batches of {size}": partial(run_in_batches, engine, requests, sampler, size)
                for size in options.batches
            }
        if options.vllm:
            columns["vLLM"] = open_vllm(checkpoint, requests, sampler)
        with noting_given(engine) as given:
            run_engine(engine, requests, sampler)
        measured = [{name: clock(run) for name, run in columns.items()}]
        measured += [
            {name: clock(run) for name, run in columns.items()}
            for _ in range(options.repetitions - 1)
        ]
    total = sum(len(request.streams) for request in requests)
    parameters = sum(weights.numel() for weights in stock.parameters())
    print(f"{parameters} parameters, {len(requests)} prompts, {total} rollouts")
    drawn = measured[0]["this engine"][0]
    print(f"this engine draws {drawn} tokens and gives the model {sum(given)}\n")
    print("| | rollouts/s | generated tokens/s | tokens a rollout | this engine is faster by |")
    print("|---|---|---|---|---|")
    for name in columns:
        speeds = [tokens / seconds for tokens, seconds in (m[name] for m in measured)]
        ratios = [
            (m["this engine"][0] / m["this engine"][1]) / speed
            for m, speed in zip(measured, speeds, strict=True)
        ]
        length = measured[0][name][0] / total
        print(
            f"| {name} | {median(speeds) / length:.0f} | {median(speeds):.0f} "
            f"| {length:.1f} | {median(ratios):.2f} |"
        )


def clock(run) -> tuple[int, float]:
    """Tokens and seconds of one run."""
    start = time.perf_counter()
    tokens = run()
    return tokens, time.perf_counter() - start


if __name__ == "__main__":
    main()
