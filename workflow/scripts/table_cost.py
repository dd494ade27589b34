"""Predict the cost of the potential from traces and their scores."""

from cliff_tokens import tables
from cliff_tokens.exhibits import cost
from cliff_tokens.script import stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    predicted = cost.predict(
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.tokens, "tokens"),
        params.rollouts,
        params.tokens_per_second,
        Intervals(**params.intervals),
        models=params.models,
        datasets=params.datasets,
    )
    write_summary(predicted, snakemake.output.csv, snakemake.output.md)
