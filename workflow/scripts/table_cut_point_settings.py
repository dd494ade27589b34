"""Settings in which deletion at the cliff beats its rivals."""

from cliff_tokens import tables
from cliff_tokens.exhibits import rivals
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    summary = rivals.settings(
        tables.read_all(snakemake.input.cut_points, "cut_points"),
        tables.read_all(snakemake.input.traces, "traces"),
        Intervals(**snakemake.params.intervals),
        models=snakemake.params.models,
        datasets=snakemake.params.datasets,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
