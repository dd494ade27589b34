"""The engine transformers on one device: speed, the sampler's share, agreement with the CPU.

    bash benchmarks/gpu.sh [--device cuda] [--shapes smollm2 qwen3-0.6b qwen3-8b]

Prints one JSON object a line. SmolLM2 is read from resources/pretrained; the others have random
weights in the shape of Qwen3, made on the device, and no token ends their texts.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from engine import nested_requests, run_engine, run_generate
from scipy import stats
from transformers import AutoModelForCausalLM, Qwen3Config

from cliff_tokens.policies import Request
from cliff_tokens.policies.choosing import choose
from cliff_tokens.policies.sampling import Sampler, streams
from cliff_tokens.policies.transformers import TransformersEngine

SMOLLM2 = Path(__file__).parent.parent / "resources" / "pretrained" / "smollm2-135m"
# hidden, inner, layers, heads, kv heads, width of a head, vocabulary
QWEN3 = {
    "tiny": (64, 128, 2, 4, 2, 16, 2000),
    "qwen3-0.6b": (1024, 3072, 28, 16, 8, 128, 151936),
    "qwen3-8b": (4096, 12288, 36, 32, 8, 128, 151936),
}
SAMPLER = Sampler(temperature=0.7, top_p=0.8, top_k=20)  # Qwen3's


def random_model(shape: str, device: str, folder: str) -> str:
    """Random weights in a shape of Qwen3, in bfloat16, in ``folder``."""
    hidden, inner, layers, heads, kv, width, vocabulary = QWEN3[shape]
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv,
        head_dim=width,
        max_position_embeddings=4096,
        tie_word_embeddings=shape != "qwen3-8b",
        initializer_range=0.05,
        bos_token_id=None,
        eos_token_id=0,  # which is one token of many, and random weights take it for no end
        pad_token_id=0,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    return folder


def tell(what: str, **measured) -> None:
    print(json.dumps({"what": what, **measured}), flush=True)


def clock(run, device: str) -> tuple[int, float]:
    """What ``run`` returns, and seconds until the device is done."""
    start = time.perf_counter()
    result = run()
    if device == "cuda":
        torch.cuda.synchronize()
    return result, time.perf_counter() - start


def measure_speed(name: str, engine, folder: str, options) -> None:
    """Branches and tokens a second, and those of ``generate`` on a part of the same requests."""
    requests = nested_requests(engine, SAMPLER, options.prefixes, options.rollouts, options.limit)
    run_engine(engine, requests[:1], SAMPLER)  # warms up
    tokens, seconds = clock(lambda: run_engine(engine, requests, SAMPLER), options.device)
    branches = sum(len(request.streams) for request in requests)
    stock = AutoModelForCausalLM.from_pretrained(folder, dtype=engine.dtype).to(options.device)
    part = requests[:: max(1, len(requests) // 4)]
    theirs, spent = clock(
        lambda: run_generate(stock.eval(), part, SAMPLER, options.batch), options.device
    )
    tell(
        "speed",
        model=name,
        dtype=str(engine.dtype).removeprefix("torch."),
        branches=branches,
        tokens=tokens,
        branches_per_second=round(branches / seconds, 1),
        tokens_per_second=round(tokens / seconds, 1),
        generate_tokens_per_second=round(theirs / spent, 1),
        ratio=round(tokens / seconds / (theirs / spent), 2),
    )


def measure_sampler(name: str, engine, options) -> None:
    """Milliseconds that drawing a token for each of 256 rows takes."""
    logits = torch.randn(256, engine.vocabulary, device=options.device) * 3
    uniforms, rows = np.random.default_rng(0).random(256), np.arange(256)
    choose(logits, SAMPLER, uniforms, rows)
    _, seconds = clock(
        lambda: [choose(logits, SAMPLER, uniforms, rows) for _ in range(10)], options.device
    )
    tell("sampler", model=name, rows=256, milliseconds=round(100 * seconds, 2))


def measure_agreement(name: str, engine, folder: str, options) -> None:
    """Whether the parity of a rollout's ids comes up as often as on the CPU in float32.

    ``p``: chance of differences as large as these, were both of one law.
    """
    other = TransformersEngine(folder, device="cpu", dtype="float32")
    prompt = np.random.default_rng(1).integers(4, engine.vocabulary, 40).astype(np.int32)
    successes = []
    for number, one in enumerate((engine, other)):
        asked = [
            Request(prompt[:t], streams(number, "parity", t, count=options.rollouts), 4)
            for t in range(33, 41)
        ]
        counts = np.zeros(len(asked))
        for done in one.generate(asked, SAMPLER):
            counts[done.request] += int(done.token_ids.sum()) % 2
        successes.append(counts)
    n, (here, there) = options.rollouts, successes
    pooled = (here + there) / (2 * n)
    spread = np.sqrt(pooled * (1 - pooled) * 2 / n)
    z = np.divide(here - there, n * spread, out=np.zeros_like(here), where=spread > 0)
    p = float(stats.chi2.sf((z**2).sum(), int((spread > 0).sum()))) if (spread > 0).any() else 1.0
    tell(
        "agreement",
        model=name,
        prefixes=len(z),
        rollouts=n,
        largest_z=round(float(np.abs(z).max()), 2),
        p=round(p, 4),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--shapes", nargs="+", default=["smollm2", "qwen3-0.6b", "qwen3-8b"],
        choices=["smollm2", *QWEN3],
    )  # fmt: skip
    parser.add_argument("--prefixes", type=int, default=48)
    parser.add_argument("--rollouts", type=int, default=64)
    parser.add_argument("--limit", type=int, default=128)
    parser.add_argument("--batch", type=int, default=256, help="of generate")
    parser.add_argument("--memory", type=float, default=16.0, help="GB for rows, of the device's")
    options = parser.parse_args()

    card = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    tell("machine", card=card, torch=torch.__version__, transformers=transformers.__version__)
    for shape in options.shapes:
        if shape == "smollm2" and not SMOLLM2.is_dir():
            tell("left out", model=shape, reason=f"no folder {SMOLLM2}; make pretrained makes it")
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = str(SMOLLM2)
            if shape != "smollm2":
                folder = random_model(shape, options.device, temporary)
            memory = math.floor(options.memory * 1e9)
            engine = TransformersEngine(folder, device=options.device, memory=memory)
            measure_sampler(shape, engine, options)
            if shape != "qwen3-8b":  # whose CPU half would take an hour
                measure_agreement(shape, engine, folder, options)
            measure_speed(shape, engine, folder, options)
            del engine


if __name__ == "__main__":
    main()
