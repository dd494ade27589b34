"""Audit of the cliffs from independent rollouts, by model and kind."""

from cliff_tokens import tables
from cliff_tokens.script import stage, write_summary
from cliff_tokens.stages import audit
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    summary = audit.summarize(
        tables.read_all(snakemake.input.audit, "audit"),
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.tokens, "tokens"),
        params.rollouts,
        CliffTest(params.margin, params.z),
        params.certain,
        Intervals(**params.intervals),
        models=params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
