"""Answer the problems of every data set with one policy."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, resumable, running, was_trained
from cliff_tokens.stages.evaluation import Identity, evaluate
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.problems import refuse_trained_on
from cliff_tokens.stages.questions import Questions

with (
    running(snakemake) as provenance,
    resumable(snakemake.output.evaluation, provenance) as store,
    Grader() as grader,
):
    files, params = snakemake.input, snakemake.params
    problems = tables.read_all(files.problems, "problems")
    refuse_trained_on(problems, tables.read(files.trained_on, "problems"))
    evaluation = tables.empty("evaluation")
    if not files.adapter or was_trained(files.adapter):
        evaluation = evaluate(
            problems,
            {name: Questions.of(asked) for name, asked in params.questions.items()},
            Identity(params.model, params.variant, int(params.training_seed)),
            open_policy(params.opens, params.sampler, files.adapter or None),
            grader,
            seed=params.seed,
            store=store,
        )
    tables.write(evaluation, snakemake.output.evaluation, "evaluation", provenance)
