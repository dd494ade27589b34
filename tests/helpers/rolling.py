"""A job that rolls out, as one process: ``python -m helpers.rolling FOLDER LIMIT``.

It is killed after LIMIT rollouts, as the kernel or SLURM would.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from cliff_tokens import script
from cliff_tokens.policies import sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import rollouts
from cliff_tokens.stages.extraction import Extraction
from cliff_tokens.stages.grading import Grader
from helpers.markov import RIGHT, MarkovEngine, MarkovTokenizer, policy

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
PREFIXES, ROLLOUTS = 60, 512  # in batches of 32, 28: the first reaches BATCH exactly
PROVENANCE = {"rule": "roll_out", "params": {"seed": 7}}


class CountingEngine(MarkovEngine):
    """Knows how many rollouts it has given, and calls ``after`` each."""

    def __init__(self):
        super().__init__(vocabulary=10, seed=4)
        self.drawn, self.after = 0, lambda: None

    def generate(self, requests, sampler, stops=()):
        for completion in super().generate(requests, sampler, stops):
            yield completion
            self.drawn += 1
            self.after()


def prefixes() -> list[rollouts.Prefix]:
    start = MarkovTokenizer().prompt_ids("")
    return [
        rollouts.Prefix(
            prompt_ids=start,
            token_ids=start[:0],
            trace_ids=np.array([RIGHT], dtype=np.int32),
            streams=sampling.streams(7, "test", number, count=ROLLOUTS),
            limit=400,
            ended=False,
            gold="1",
        )
        for number in range(PREFIXES)
    ]


def count(engine, store=None) -> pd.DataFrame:
    with Grader(workers=1) as grader:
        answering = policy(engine, SAMPLER)
        return rollouts.count(prefixes(), Extraction(), answering, grader, "potential", store)


def roll_out(folder: Path, engine, provenance=PROVENANCE) -> pd.DataFrame:
    with script.resumable(str(folder / "shard-1.parquet"), provenance) as store:
        return count(engine, store)


if __name__ == "__main__":
    folder, limit = sys.argv[1:]
    engine = CountingEngine()
    engine.after = lambda: engine.drawn == int(limit) and os.kill(os.getpid(), signal.SIGKILL)
    roll_out(Path(folder), engine)
