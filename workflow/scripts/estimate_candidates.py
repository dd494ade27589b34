"""Find the candidates at every cliff and roll out from each of them."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_model, stage, unfinished
from cliff_tokens.stages import candidates
from cliff_tokens.stages.grading import Grader

with (
    stage(snakemake) as provenance,
    unfinished(snakemake.output.candidates, provenance) as store,
    Grader() as grader,
):
    params, branches = snakemake.params, snakemake.input.branches
    estimated = candidates.estimate(
        tables.read(snakemake.input.cliffs, "cliffs"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.problems, "problems"),
        tables.read(branches, "branches") if branches else None,
        tables.read(snakemake.input.resampling, "resampling"),
        *open_model(params.source),
        Sampler(**params.sampler),
        grader,
        top=params.top,
        count=params.rollouts,
        seed=params.seed,
        store=store,
    )
    tables.write(estimated, snakemake.output.candidates, "candidates", provenance)
