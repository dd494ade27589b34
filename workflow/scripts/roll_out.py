"""Draw the rollouts of one shard of a plan, but for those that a base run has drawn."""

import pandas as pd

from cliff_tokens import tables
from cliff_tokens.script import open_policy, resumable, running
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.rollouts import reuse, roll_out, shard

with (
    running(snakemake) as provenance,
    resumable(snakemake.output.rollouts, provenance) as store,
    Grader() as grader,
):
    files, params = snakemake.input, snakemake.params
    plan = shard(tables.read(files.plan, "plans"), int(params.shard), params.shards)
    reused = drawn = tables.empty("rollouts")
    if files.base_plan:
        base_plan = tables.read_all(files.base_plan, "plans")
        reused = reuse(plan, base_plan, tables.read_all(files.base_rollouts, "rollouts"))
    lacking = plan[~plan["key"].isin(reused["key"])]
    if len(lacking):  # opening a model takes longer than most plans that ask for nothing
        drawn = roll_out(
            lacking,
            tables.read(files.traces, "traces"),
            tables.read(files.problems, "problems"),
            open_policy(params.opens, params.sampler),
            grader,
            seed=params.seed,
            name=params.draws.replace("/", "-"),
            store=store,
        )
    rollouts = pd.concat([reused, drawn], ignore_index=True)
    tables.write(rollouts, snakemake.output.rollouts, "rollouts", provenance)
