"""Score a trace in one teacher-forced pass: tokens per processor second, and the peak of memory.

The model has random weights in the shape of Qwen3-0.6B, so that probabilities mean nothing; what it
costs to compute them does not depend on that. Every length is scored by the engine ``transformers``
in a process of its own, whose peak holds the model, the logits and what is made of them.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from vllm_rollouts import qwen3_shaped

from cliff_tokens.policies import open_engine
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.traces import score_trace

SAMPLER = Sampler(temperature=0.7, top_p=0.8, top_k=20)  # of the paper's Qwen3 models
PROMPT = 100  # tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[750, 3000])
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "LENGTH"), help="used by itself")
    options = parser.parse_args()
    if options.one:
        return measure(options.one[0], int(options.one[1]))
    print("| tokens | opening, s | pass, s | table, s | tokens/s | peak, GB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = qwen3_shaped(folder)
        for length in options.lengths:
            arguments = [sys.executable, __file__, "--one", checkpoint, str(length)]
            subprocess.run(arguments, check=True)


def measure(folder: str, length: int) -> None:
    """Print one row of the table; seconds are the processor's."""
    start = time.process_time()
    engine = open_engine("transformers", folder)
    tokens = np.random.default_rng(0).integers(4, engine.vocabulary, PROMPT + length)
    tokens = tokens.astype(np.int32)
    opened = time.process_time()
    (logits,) = engine.score([(tokens[:PROMPT], tokens[PROMPT:])])
    passed = time.process_time()
    score_trace(logits, tokens[PROMPT:], SAMPLER, support=20)
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = (opened - start, passed - opened, done - passed)
    cells = [f"{length:,}", *(f"{spent:.0f}" for spent in seconds)]
    print(f"| {' | '.join(cells)} | {length / (done - opened):.0f} | {peak:.1f} |", flush=True)


if __name__ == "__main__":
    main()
