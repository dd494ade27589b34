"""Roll out again from every cut point of the incorrect traces."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_model, stage, unfinished
from cliff_tokens.stages import cut_points
from cliff_tokens.stages.grading import Grader

with (
    stage(snakemake) as provenance,
    unfinished(snakemake.output.cut_points, provenance) as store,
    Grader() as grader,
):
    params = snakemake.params
    resampled = cut_points.resample(
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.cliffs, "cliffs"),
        tables.read(snakemake.input.resampling, "resampling"),
        tables.read(snakemake.input.problems, "problems"),
        *open_model(params.source),
        Sampler(**params.sampler),
        grader,
        rules=cut_points.CutRules(**params.rules),
        count=params.rollouts,
        seed=params.seed,
        store=store,
    )
    tables.write(resampled, snakemake.output.cut_points, "cut_points", provenance)
