"""Figure 17: Delete, keep and control: correct traces."""

from cliff_tokens import tables
from cliff_tokens.exhibits import pass_at_k
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = pass_at_k.values(
        tables.read_all(snakemake.input.resampling, "resampling"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        "correct",
        Intervals(**params.intervals),
        models=params.models,
        datasets=params.datasets,
    )
    write_figure(values, pass_at_k.draw(values), snakemake.output)
