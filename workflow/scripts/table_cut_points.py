"""pass@k by cut point, as published and fair."""

from cliff_tokens import tables
from cliff_tokens.exhibits import rivals
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    summary = rivals.pass_at_k(
        tables.read_all(snakemake.input.cut_points, "cut_points"),
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.traces, "traces"),
        Intervals(**snakemake.params.intervals),
        models=snakemake.params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
