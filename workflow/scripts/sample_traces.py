"""Sample and grade traces of every problem."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, running
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.traces import Questions, sample

with running(snakemake) as provenance, Grader() as grader:
    params = snakemake.params
    traces = sample(
        tables.read(snakemake.input.problems, "problems"),
        Questions(params.system, params.max_tokens, params.samples),
        params.model,
        open_policy(params.opens, params.sampler),
        grader,
        params.seed,
    )
    tables.write(traces, snakemake.output.traces, "traces", provenance)
