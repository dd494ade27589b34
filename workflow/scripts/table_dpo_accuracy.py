"""Accuracy before and after Cliff-DPO."""

from cliff_tokens import tables
from cliff_tokens.exhibits import comparison
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    summary = comparison.accuracy(
        tables.read_all(snakemake.input.evaluation, "evaluation"),
        Intervals(**params.intervals),
        params.models,
        params.variants,
        params.domains,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
