"""Potential by recursion at the paper's size: time and memory of plan, estimate and detect.

    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/recursion.py

Traces are synthetic: as many tokens as one run of seven models has, of which the sampler had a
choice at about one in seven. No model is loaded; branch counts are drawn from a uniform potential.
"""

import argparse
import resource
import sys
import time

import numpy as np
import pandas as pd

from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.recursion import as_branches, estimate_recursive, plan_branches


def synthetic(number: int, length: int, free: float, alternatives: int):
    """Traces, tokens and alternatives as their tables hold them."""
    rng = np.random.default_rng(0)
    names = np.array([f"model-{i % 7}/data/problem-{i:04d}/0" for i in range(number)], dtype=object)
    size = number * length
    chosen = rng.random(size) < free
    q = np.where(chosen, rng.beta(2, 1, size), 1.0)
    traces = pd.DataFrame(
        {
            "trace_id": names,
            "model": [name.split("/")[0] for name in names],
            "dataset": "data",
            "problem_id": [name.split("/")[2] for name in names],
            "token_ids": [np.zeros(length, dtype=np.int32)] * number,
            "verdict": np.where(rng.random(number) < 0.6, "correct", "incorrect"),
        }
    )
    tokens = pd.DataFrame(
        {
            "trace_id": np.repeat(names, length),
            "t": np.tile(np.arange(1, length + 1, dtype=np.int32), number),
            "token_id": np.zeros(size, dtype=np.int32),
            "token": " the",
            "entropy": np.where(chosen, 0.5, 0.01).astype(np.float32),
            "rank": np.ones(size, dtype=np.int32),
            "sampler_probability": q,
        }
    )
    at = np.repeat(np.flatnonzero(chosen), alternatives)
    shares = rng.dirichlet(np.ones(alternatives), chosen.sum()).ravel()
    others = pd.DataFrame(
        {
            "trace_id": tokens["trace_id"].to_numpy()[at],
            "t": tokens["t"].to_numpy()[at],
            "token_id": np.tile(np.arange(1, alternatives + 1, dtype=np.int32), chosen.sum()),
            "probability": (1 - q[at]) * shares,
        }
    )
    return traces, tokens, others


def peak() -> float:
    """Largest resident size of this process so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=1610)
    parser.add_argument("--length", type=int, default=800)
    parser.add_argument("--free", type=float, default=0.15, help="share of tokens with q_t < 1")
    parser.add_argument("--alternatives", type=int, default=5)
    parser.add_argument("--rollouts", type=int, default=64)
    options = parser.parse_args()
    traces, tokens, others = synthetic(
        options.traces, options.length, options.free, options.alternatives
    )
    print(f"{len(tokens)} tokens, {len(others)} alternatives; tables alone {peak():.2f} GB\n")
    print("| | rows | seconds | peak so far, GB |")
    print("|---|---|---|---|")

    def timed(name, work):
        start = time.perf_counter()
        found = work()
        print(f"| {name} | {len(found)} | {time.perf_counter() - start:.1f} | {peak():.2f} |")
        return found

    plan = timed("plan", lambda: plan_branches(tokens, others, options.rollouts, 1, "plan"))
    planned = as_branches(plan)
    rng = np.random.default_rng(1)
    counts = planned.assign(successes=rng.binomial(planned["rollouts"], rng.random(len(planned))))
    estimates = timed("estimate", lambda: estimate_recursive(traces, tokens, counts))
    timed("detect", lambda: detect(estimates, traces, tokens, CliffTest(), certain=0.99))


if __name__ == "__main__":
    main()
