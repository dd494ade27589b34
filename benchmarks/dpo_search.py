"""Search for a recipe of Cliff-DPO on the testbed, and its variants under the recipe found.

    snakemake --cores 2 --configfile benchmarks/dpo_search.yaml -- \\
        results/dpo-search/pairs/testbed-small/all.parquet \\
        results/dpo-search/candidates/simulated/testbed-small/chains-train-large.parquet
    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/dpo_search.py grid > grid.csv
    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/dpo_search.py variants > variants.csv

Every adapter is measured on its held-out pairs, and by answers to fresh problems of the test split,
each sampled with the same random numbers as the untrained model's: ``gain`` is the difference of
accuracy and ``error`` its standard error over problems. Rows are printed as they are measured.
"""

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from cliff_tokens import tables
from cliff_tokens.policies import Policy, open_engine
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import generators as problems
from cliff_tokens.stages import pairs, training
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.traces import sample

LIMIT, HELD_OUT, SEED = 160, 0.2, 20260624
COLUMNS = (
    "variant", "chosen", "weights", "learning_rate", "beta", "epochs", "seed", "cliffs", "pairs",
    "held_out", "margin", "accuracy_held_out", "gain", "error", "accuracy", "unparsed",
    "greedy_gain", "greedy_error", "seconds",
)  # fmt: skip


def frames_of(run: Path, model: str, estimator: str, datasets: list[str]) -> dict:
    """The tables that pairs are built from."""
    found = {}
    for name in ("cliffs", "candidates", "estimates", "resampling"):
        paths = [run / name / estimator / model / f"{dataset}.parquet" for dataset in datasets]
        found[name] = tables.read_all(paths, name)
    for name in ("tokens", "alternatives", "traces"):
        paths = [run / name / model / f"{dataset}.parquet" for dataset in datasets]
        found[name] = tables.read_all(paths, name)
    return found


def answers(folder: str, asked, grader: Grader) -> tuple[np.ndarray, np.ndarray, float]:
    """Whether each sampled and each greedy answer is correct; the share that was unparsed."""
    engine, tokenizer = open_engine("transformers", folder), ChatTokenizer(folder)
    found = []
    for sampler in (Sampler(1.0, 0.95), Sampler(0.0)):
        policy = Policy(engine, tokenizer, sampler)
        drawn = sample(asked, Questions(None, LIMIT, 1), "m", policy, grader, SEED)
        sampled = drawn.set_index("problem_id").loc[asked["problem_id"], "verdict"]
        found.append(sampled)
    right = [(verdicts == "correct").to_numpy(dtype=float) for verdicts in found]
    return right[0], right[1], float((found[0] == "unparsed").mean())


def merged(model: str, adapter: Path, folder: Path) -> str:
    """A checkpoint with the adapter in its weights."""
    shutil.copytree(model, folder, dirs_exist_ok=True)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(folder)
    return str(folder)


def measure(model, built, counts, variant, recipe, seed, asked, base, grader) -> dict:
    """Train one adapter and measure it."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder) / "seed"
        history = training.train(built, model, variant, recipe, seed, adapter, {})
        sampled, greedy, unparsed = answers(
            merged(model, adapter, Path(folder) / "m"), asked, grader
        )
    row = {"margin": np.nan, "accuracy_held_out": np.nan}
    held_out = history[history["split"] == "held_out"]
    if len(held_out):
        row["margin"] = held_out["margin"].iloc[-1]
        row["accuracy_held_out"] = held_out["accuracy"].iloc[-1]
    for name, (found, before) in {"": (sampled, base[0]), "greedy_": (greedy, base[1])}.items():
        change = found - before
        row[f"{name}gain"] = change.mean()
        row[f"{name}error"] = change.std(ddof=1) / np.sqrt(len(change))
    return row | {
        "cliffs": counts.get("cliffs", 0),
        "pairs": int((built["split"] == "train").sum()),
        "held_out": int((built["split"] == "held_out").sum()),
        "accuracy": sampled.mean(),
        "unparsed": unparsed,
        "seconds": time.perf_counter() - start,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["grid", "variants"])
    parser.add_argument("--run", type=Path, default=Path("results/dpo-search"))
    parser.add_argument("--datasets", nargs="+", default=["chains-train-large"])
    parser.add_argument("--estimator", default="recursive")
    parser.add_argument("--model", default="testbed-small")
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--skip", type=int, default=0, help="problems that chose the recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-4, 1e-3, 3e-3])
    parser.add_argument("--betas", type=float, nargs="+", default=[0.05, 0.5])
    parser.add_argument("--chosen", nargs="+", default=["published", "better"])
    parser.add_argument("--weights", nargs="+", default=["cliff"])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--variants", nargs="+", default=[*pairs.KINDS_OF, "response"])
    options = parser.parse_args()
    folder = f"resources/testbed/{options.model}"
    asked = problems.generate("chains", "test", options.skip + options.problems, SEED)
    asked = asked[options.skip :].assign(dataset="fresh")
    settings = list(
        itertools.product(options.chosen, options.weights, options.rates, options.betas)
    )
    variants = ["all"] if options.what == "grid" else options.variants
    seeds = options.seeds[:1] if options.what == "grid" else options.seeds
    with Grader() as grader:
        base = answers(folder, asked, grader)
        print(f"untrained: {base[0].mean():.4f} sampled, {base[1].mean():.4f} greedy",
              file=sys.stderr)  # fmt: skip
        print(",".join(COLUMNS), flush=True)
        for variant, (chosen, weights, rate, beta) in itertools.product(variants, settings):
            estimator = options.estimator
            if variant == "deterministic" and estimator == "recursive":
                estimator = "simulated"
            built, counts = pairs.build(
                variant,
                frames_of(options.run, options.model, estimator, options.datasets),
                pairs.PairRule(CliffTest(), 10, chosen, weights),
                certain=0.99, held_out=HELD_OUT, matched=None, seed=SEED,
            )  # fmt: skip
            recipe = training.Recipe(rate, beta, 16, options.epochs, 0.1, 8, 16, 0.0, False)
            for seed in seeds:
                row = measure(folder, built, counts, variant, recipe, seed, asked, base, grader)
                row |= {
                    "variant": variant, "chosen": chosen, "weights": weights, "seed": seed,
                    "learning_rate": rate, "beta": beta, "epochs": options.epochs,
                }  # fmt: skip
                shown = (row[name] for name in COLUMNS)
                print(",".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in shown),
                      flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
