"""The sampler on candidates against the one on whole rows, at a real vocabulary.

Run as ``OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/sampler.py``. Logits are random, a few
far above a broad bulk. Prints milliseconds of processor time for a step of 64 rows, the ratio, and
how many tokens differ.
"""

import argparse
import time

import numpy as np
import torch

from cliff_tokens.policies.choosing import choose
from cliff_tokens.policies.sampling import Sampler, distribution, draw

SAMPLERS = (Sampler(0.6, 0.9, 50), Sampler(0.6, 0.9, 0), Sampler(0.7, 0.8, 20))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=64)
    arguments.add_argument("--vocabulary", type=int, default=49_152)
    arguments.add_argument("--steps", type=int, default=10)
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (asked.rows, asked.vocabulary)).astype(np.float32)
    logits[:, :40] += rng.exponential(6, (asked.rows, 40)).astype(np.float32)
    uniforms, rows = rng.random(asked.rows), np.arange(asked.rows)
    given = torch.from_numpy(logits)
    for sampler in SAMPLERS:
        ways = (
            lambda sampler=sampler: draw(distribution(logits, sampler), uniforms),
            lambda sampler=sampler: choose(given, sampler, uniforms, rows),
        )
        drawn, spent = [way() for way in ways], []
        for way in ways:
            begun = time.process_time()
            for _ in range(asked.steps):
                way()
            spent.append(1000 * (time.process_time() - begun) / asked.steps)
        print(
            f"{sampler}: whole rows {spent[0]:.1f} ms, candidates {spent[1]:.1f} ms, "
            f"{spent[0] / spent[1]:.1f} times; {(drawn[0] != drawn[1]).sum()} tokens differ"
        )


if __name__ == "__main__":
    main()
