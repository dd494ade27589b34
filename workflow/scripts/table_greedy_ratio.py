"""Greedy tokens among cliff tokens and among all tokens."""

from cliff_tokens import tables
from cliff_tokens.exhibits import summaries
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    summary = summaries.greedy_ratio(
        tables.read_all(snakemake.input.tokens, "tokens"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        Intervals(**snakemake.params.intervals),
        models=snakemake.params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
