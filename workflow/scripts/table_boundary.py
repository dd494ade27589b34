"""Traces that start at potential zero, and their cliffs."""

from cliff_tokens import tables
from cliff_tokens.exhibits import summaries
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    summary = summaries.boundary(
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        snakemake.params.rollouts,
        Intervals(**snakemake.params.intervals),
        models=snakemake.params.models,
        datasets=snakemake.params.datasets,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
