"""Hand-made answers and recounts of policies, as the tables evaluation and recounts hold them."""

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.gains import IN_DOMAIN, OUT_OF_DOMAIN
from cliff_tokens.statistics import Intervals

INTERVALS = Intervals(confidence=0.95, repetitions=500, seed=3)
DOMAINS = {"chains": IN_DOMAIN, "factors": OUT_OF_DOMAIN, "marathons": OUT_OF_DOMAIN}

# What adapters were trained with, as ``exhibits.read_adapters`` gives it.
ADAPTERS = pd.DataFrame(
    {"model": "m", "variant": variant, "seed": seed, "pairs": pairs, "steps": 4,
     "loss_positions": 2 * pairs, "weights": f"{variant} {seed}"}
    for variant, pairs in (("all", 40), ("uncertain", 12), ("deterministic", 0))
    for seed in (1, 2)
)  # fmt: skip


def answers(correct, variant, dataset="chains", decoding="greedy", seed=1, model="m"):
    """Rows of the table ``evaluation`` from zeros and ones [problems] or [problems, samples]."""
    correct = np.asarray(correct)
    correct = correct[:, None] if correct.ndim == 1 else correct
    problem, sample = np.indices(correct.shape)
    return pd.DataFrame(
        {
            "model": model,
            "variant": variant,
            "seed": seed,
            "dataset": dataset,
            "decoding": decoding,
            "problem_id": [f"p{number:03d}" for number in problem.ravel()],
            "sample": sample.ravel(),
            "verdict": np.where(correct.ravel() == 1, "correct", "incorrect"),
            "answer": "7",
            "tokens": 20,
            "finish": "stop",
        }
    )


def recounts(cliffs, variant, tokens=50, seed=1):
    """Rows of the table ``recounts``, one trace a problem."""
    cliffs = np.asarray(cliffs)
    return pd.DataFrame(
        {
            "model": "m",
            "variant": variant,
            "seed": seed,
            "dataset": "chains",
            "problem_id": [f"p{number:03d}" for number in range(len(cliffs))],
            "sample": 0,
            "verdict": "correct",
            "tokens": tokens,
            "cliffs": cliffs,
            "deterministic": 0,
            "uncertain": cliffs,
            "sampled_off": 0,
            "other": 0,
            "rollouts": 10,
            "generated_tokens": 100,
        }
    )
