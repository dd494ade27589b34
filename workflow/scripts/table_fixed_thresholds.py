"""The published rule beside fixed thresholds."""

from cliff_tokens import tables
from cliff_tokens.exhibits import summaries
from cliff_tokens.script import stage, write_summary
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    summary = summaries.fixed_thresholds(
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.traces, "traces"),
        snakemake.params.drops,
        CliffTest(snakemake.params.margin, snakemake.params.z),
        Intervals(**snakemake.params.intervals),
        models=snakemake.params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
