"""Count the cliffs of fresh traces of one policy."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_policy, stage, unfinished
from cliff_tokens.stages import evaluation
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.grading import Grader

with (
    stage(snakemake) as provenance,
    unfinished(snakemake.output.recounts, provenance) as store,
    Grader() as grader,
):
    params = snakemake.params
    counted = evaluation.recount(
        [tables.read(path, "problems") for path in snakemake.input.problems],
        [evaluation.Benchmark(**benchmark) for benchmark in params.benchmarks],
        evaluation.Policy(params.model, params.variant, int(params.training_seed)),
        *open_policy(params.source, snakemake.input.adapter),
        Sampler(**params.sampler),
        grader,
        rollouts=params.rollouts,
        test=CliffTest(params.margin, params.z),
        certain=params.certain,
        support=params.support,
        seed=params.seed,
        store=store,
    )
    tables.write(counted, snakemake.output.recounts, "recounts", provenance)
