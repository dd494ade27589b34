"""What bfloat16, and who runs beside whom, change of a finished run: draws, counts and q.

    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/precision.py FOLDER RUN DATASET [--rows 300]

FOLDER is that of a model, RUN the folder of a run (``results/pretrained``) that has branches of a
model of the same name. The first rows of their plan are rolled out again with the same random
numbers, in float32 and in bfloat16, with all slots and with an eighth of them, and set against
float32 with all. Traces are scored in both.
"""

import argparse
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cliff_tokens import tables
from cliff_tokens.policies import Policy
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.policies.transformers import TransformersEngine
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.rollouts import roll_out
from cliff_tokens.stages.traces import score_given

SLOTS = (512, 64)


@dataclass(frozen=True)
class Recorder(Policy):
    """A policy that keeps what it wrote, by the random stream of each rollout."""

    written: dict[int, tuple] = field(default_factory=dict)

    def generate(self, requests, until=None):
        for done in super().generate(requests, until):
            stream = requests[done.request].streams[done.rollout]
            self.written[int(stream)] = tuple(done.token_ids)
            yield done


def differing(first: dict, other: dict) -> int:
    """Rollouts of the same random numbers whose tokens differ."""
    return sum(first[stream] != other[stream] for stream in first)


def compare(reference: pd.DataFrame, rollouts: pd.DataFrame) -> dict:
    """Counts that differ from those of the reference."""
    successes = rollouts["successes"].astype(int) - reference["successes"].astype(int)
    return {
        "branches": len(rollouts),
        "of other counts": int(successes.ne(0).sum()),
        "successes": int(rollouts["successes"].sum()),
        "more": int(successes.clip(lower=0).sum()),
        "less": int((-successes).clip(lower=0).sum()),
    }


def differences(q: np.ndarray, other: np.ndarray) -> dict:
    """How far q of the same tokens lie apart."""
    apart = np.abs(q - other)
    return {
        "tokens": len(q),
        "mean": float(apart.mean()),
        "mean where there is a choice": float(apart[(q < 1) | (other < 1)].mean()),
        "largest": float(apart.max()),
        "with another number of choices": int(((q < 1) != (other < 1)).sum()),
        "never drawn": int((other == 0).sum()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--rows", type=int, default=300, help="of the plan of branches")
    options = parser.parse_args()
    place = f"{options.folder.name}/{options.dataset}.parquet"
    plan = tables.read(options.run / "plans" / "recursive" / place, "plans").head(options.rows)
    traces = tables.read(options.run / "traces" / place, "traces")
    problems = tables.read(options.run / "problems" / f"{options.dataset}.parquet", "problems")
    sampler = Sampler(**json.loads(traces["sampler"].iloc[0]))
    first = None
    for dtype in ("float32", "bfloat16"):
        for slots in SLOTS:
            engine = TransformersEngine(options.folder, device="cpu", dtype=dtype, slots=slots)
            policy = Recorder(engine, ChatTokenizer(options.folder), sampler)
            started = os.times()
            with Grader() as grader:
                rollouts = roll_out(
                    plan, traces, problems, policy, grader, seed=0, name=f"{dtype} {slots}"
                )
            seconds = os.times().user - started.user
            tokens = int(rollouts["generated_tokens"].sum())
            first = first or (rollouts, policy.written)
            if slots == SLOTS[0]:
                beside = policy.written
            line = {
                "rollouts": len(policy.written),
                "of other tokens": differing(first[1], policy.written),
                **compare(first[0], rollouts),
                "of other tokens than with all slots": differing(beside, policy.written),
                "tokens per processor second": round(tokens / seconds, 1),
            }
            print(json.dumps({"dtype": dtype, "slots": slots, **line}), flush=True)
        q = score_given(traces, policy, support=20).set_index(tables.PLACE)["sampler_probability"]
        if dtype == "float32":
            exact = q
    other = q.reindex(exact.index)
    print(json.dumps({"q in bfloat16": differences(exact.to_numpy(), other.to_numpy())}))


if __name__ == "__main__":
    main()
