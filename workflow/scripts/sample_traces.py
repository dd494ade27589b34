"""Sample and grade traces of every problem."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, running
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.traces import sample

with running(snakemake) as provenance, Grader() as grader:
    params = snakemake.params
    traces = sample(
        tables.read(snakemake.input.problems, "problems"),
        Questions.of(params.questions),
        params.model,
        open_policy(params.opens, params.sampler),
        grader,
        params.seed,
    )
    tables.write(traces, snakemake.output.traces, "traces", provenance)
