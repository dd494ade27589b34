"""What the published protocol and the recursion take of an engine that runs equal texts once.

    OMP_NUM_THREADS=1 PYTHONPATH=src python benchmarks/sharing.py FOLDER RUN DATASET

FOLDER is that of a model, RUN the folder of a finished run with independent and recursive rollouts
of a model of the same name. Both plans are rolled out again on the traces that they share, and
their rollouts, drawn tokens, tokens given to the model and processor seconds are printed.
"""

import argparse
import json
import time
from pathlib import Path

from engine import noting_given

from cliff_tokens import tables
from cliff_tokens.policies import Policy
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.policies.transformers import TransformersEngine
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.rollouts import roll_out

PLANS = ("recursive", "independent")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("dataset")
    options = parser.parse_args()
    place = f"{options.folder.name}/{options.dataset}.parquet"
    plans = {name: tables.read(options.run / "plans" / name / place, "plans") for name in PLANS}
    traces = tables.read(options.run / "traces" / place, "traces")
    problems = tables.read(options.run / "problems" / f"{options.dataset}.parquet", "problems")
    both = set.intersection(*(set(plan["trace_id"]) for plan in plans.values()))
    engine = TransformersEngine(options.folder, device="cpu")
    sampler = Sampler(**json.loads(traces["sampler"].iloc[0]))
    policy = Policy(engine, ChatTokenizer(options.folder), sampler)
    for name, plan in plans.items():
        some = plan[plan["trace_id"].isin(both)].reset_index(drop=True)
        started = time.process_time()
        with Grader() as grader, noting_given(engine) as sizes:
            rollouts = roll_out(some, traces, problems, policy, grader, seed=0, name=name)
        line = {
            "plan": name,
            "traces": some["trace_id"].nunique(),
            "rollouts": int(rollouts["rollouts"].sum()),
            "drawn tokens": int(rollouts["generated_tokens"].sum()),
            "given tokens": sum(sizes),
            "processor seconds": round(time.process_time() - started, 1),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
