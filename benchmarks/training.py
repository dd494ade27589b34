"""Training on pairs of single tokens: this repository's path against TRL's own, on the same pairs.

    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/training.py [folder]

Prompts are prefixes of random traces; each has a number of pairs, as cliffs of one trace do. Each
path runs in a process of its own, one after the other, so that its peak of memory is its own, and
the ratio is within one run. Time is that of the training and of the reference's pass.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd


def pairs_of(count: int, each: int, length: int) -> pd.DataFrame:
    """``count`` pairs, ``each`` in a trace, half of them at its last token."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count // each):
        ids = rng.integers(3, 110, length)
        for pair in range(each):
            t = length if pair < (each + 1) // 2 else length // 2
            chosen, rejected = (int(token) for token in rng.choice(100, 2, replace=False))
            rows.append(
                {
                    "pair_id": f"{number}/{pair:03d}",
                    "cliff_id": f"{number}@{t + 1}",
                    "trace_id": str(number),
                    "t": t + 1,
                    "prompt_ids": ids[:t],
                    "chosen_ids": [chosen],
                    "rejected_ids": [rejected],
                    "weight": 1.0,
                    "split": "train",
                }
            )
    return pd.DataFrame(rows)


def one(path: str, options: argparse.Namespace) -> dict:
    """Pairs per second and peak memory of one path, in this process."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig

    from cliff_tokens.stages.dpo import SingleTokenDPOTrainer
    from cliff_tokens.stages.training import Recipe, make_trainer

    torch.set_num_threads(1)
    pairs = pairs_of(options.pairs, options.each, options.length)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    recipe = Recipe(1e-5, 0.05, options.batch, 1, 0.1, 8, 16, 0.0, False)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        if path == "shared":
            parts = {"train": pairs, "held_out": pairs[:0]}
            trainer = make_trainer(model, tokenizer, parts, recipe, 0, folder)
            trainer.args.save_strategy = "no"
        else:
            ids = ["prompt_ids", "chosen_ids", "rejected_ids"]
            rows = [
                {key: [int(token) for token in row[key]] for key in ids}
                for row in pairs.to_dict("records")
            ]
            args = DPOConfig(
                output_dir=folder,
                beta=recipe.beta,
                per_device_train_batch_size=recipe.batch,
                num_train_epochs=1,
                max_length=None,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                precompute_ref_log_probs=path == "stock, reference first",
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                logging_steps=1000,
            )
            trainer = SingleTokenDPOTrainer(
                model=model,
                args=args,
                train_dataset=Dataset.from_list(rows),
                processing_class=tokenizer,
                peft_config=recipe.lora(),
            )
        trainer.train()
        seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return {"pairs_per_second": len(pairs) / seconds, "peak": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="resources/testbed/testbed-large")
    parser.add_argument("--pairs", type=int, default=256)
    parser.add_argument("--length", type=int, default=200, help="tokens of the longest prefix")
    parser.add_argument("--per-trace", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--batch", type=int, default=64, help="pairs of a step")
    parser.add_argument("--each", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.path:
        print(json.dumps(one(options.path, options)))
        return
    print("| pairs a trace | path | pairs/s | ratio to stock | peak, GB |")
    print("|---|---|---|---|---|")
    for each in options.per_trace:
        base = None
        for path in ("stock", "stock, reference first", "shared"):
            command = [sys.executable, *sys.argv, "--path", path, "--each", str(each)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            speed = found["pairs_per_second"]
            base = base or speed
            print(f"| {each} | {path} | {speed:.1f} | {speed / base:.2f} | {found['peak']:.2f} |")


if __name__ == "__main__":
    main()
