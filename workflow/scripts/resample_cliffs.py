"""Roll out again with each cliff token deleted and kept, beside matched controls."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_model, stage, unfinished
from cliff_tokens.stages import resampling
from cliff_tokens.stages.grading import Grader

with (
    stage(snakemake) as provenance,
    unfinished(snakemake.output.resampling, provenance) as store,
    Grader() as grader,
):
    params = snakemake.params
    resampled = resampling.resample(
        tables.read(snakemake.input.cliffs, "cliffs"),
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read(snakemake.input.problems, "problems"),
        *open_model(params.source),
        Sampler(**params.sampler),
        grader,
        count=params.rollouts,
        seed=params.seed,
        store=store,
    )
    tables.write(resampled, snakemake.output.resampling, "resampling", provenance)
