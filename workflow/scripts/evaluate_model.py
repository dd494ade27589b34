"""Answer the problems of every benchmark with one policy."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_policy, stage, unfinished
from cliff_tokens.stages import evaluation
from cliff_tokens.stages.grading import Grader

with (
    stage(snakemake) as provenance,
    unfinished(snakemake.output.evaluation, provenance) as store,
    Grader() as grader,
):
    params = snakemake.params
    evaluated = evaluation.evaluate(
        [tables.read(path, "problems") for path in snakemake.input.problems],
        [evaluation.Benchmark(**benchmark) for benchmark in params.benchmarks],
        evaluation.Policy(params.model, params.variant, int(params.training_seed)),
        *open_policy(params.source, snakemake.input.adapter),
        Sampler(**params.sampler),
        grader,
        seed=params.seed,
        store=store,
    )
    tables.write(evaluated, snakemake.output.evaluation, "evaluation", provenance)
