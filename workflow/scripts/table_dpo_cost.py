"""Cost of training each variant, beside that of finding its cliffs."""

from cliff_tokens import tables
from cliff_tokens.exhibits import comparison
from cliff_tokens.script import read_costs, read_each, stage, write_summary

with stage(snakemake):
    params = snakemake.params
    summary = comparison.costs(
        read_costs(snakemake.input.adapters),
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.tokens, "tokens"),
        params.estimator,
        read_each(snakemake.input.counts, params.folders),
        read_each(snakemake.input.candidates, params.catalogues, "candidates"),
        params.rollouts,
        params.models,
        params.variants,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
