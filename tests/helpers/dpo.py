"""Pairs and a recipe for training tests: random tokens, the small testbed model."""

import numpy as np
import pandas as pd

from cliff_tokens.stages.training import Recipe
from helpers.repository import ROOT

SMALL = str(ROOT / "resources/testbed/testbed-small")
RECIPE = Recipe(
    learning_rate=1e-3, beta=0.3, batch=8, epochs=2, warmup=0.1, rank=4, alpha=8, dropout=0.1,
    append_eos=False,
)  # fmt: skip


def pairs_of(traces=8, each=3, length=30, seed=0) -> pd.DataFrame:
    """Pairs at nested prefixes of random traces; the last two problems are held out."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(traces):
        ids = rng.integers(3, 110, length)
        for t in rng.choice(np.arange(5, length + 1), each, replace=False):
            chosen, rejected = rng.choice(np.arange(3, 110), 2, replace=False)
            rows.append(
                {
                    "pair_id": f"m/d/p{number}/0@{t}/{chosen}",
                    "cliff_id": f"m/d/p{number}/0@{t}",
                    "trace_id": f"m/d/p{number}/0",
                    "t": int(t),
                    "prompt_ids": ids[: t - 1],
                    "chosen_ids": [int(chosen)],
                    "rejected_ids": [int(rejected)],
                    "weight": 1.0,
                    "split": "held_out" if number >= traces - 2 else "train",
                }
            )
    return pd.DataFrame(rows)
