"""Count the cliffs of fresh traces of one policy."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, resumable, running, was_trained
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.evaluation import Identity, Recount, recount
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.problems import refuse_trained_on
from cliff_tokens.stages.questions import Questions

with (
    running(snakemake) as provenance,
    resumable(snakemake.output.recounts, provenance) as store,
    Grader() as grader,
):
    files, params = snakemake.input, snakemake.params
    problems = tables.read_all(files.problems, "problems")
    refuse_trained_on(problems, tables.read(files.trained_on, "problems"))
    recounts = tables.empty("recounts")
    if not files.adapter or was_trained(files.adapter):
        recounts = recount(
            problems,
            {name: Questions.of(asked) for name, asked in params.questions.items()},
            Identity(params.model, params.variant, int(params.training_seed)),
            open_policy(params.opens, params.sampler, files.adapter or None),
            grader,
            Recount(params.rollouts, CliffTest(**params.test), params.certain, params.support),
            seed=params.seed,
            store=store,
        )
    tables.write(recounts, snakemake.output.recounts, "recounts", provenance)
