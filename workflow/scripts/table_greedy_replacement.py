"""The greedy token in the place of cliff tokens."""

from cliff_tokens import tables
from cliff_tokens.exhibits import rivals
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    summary = rivals.greedy_replacement(
        tables.read_all(snakemake.input.candidates, "candidates"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        tables.read_all(snakemake.input.resampling, "resampling"),
        snakemake.params.shortfall,
        Intervals(**snakemake.params.intervals),
        models=snakemake.params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
