"""Predict the cost of a run from its plan alone."""

from cliff_tokens.exhibits import cost
from cliff_tokens.script import stage, write_summary

with stage(snakemake):
    params = snakemake.params
    planned = cost.plan(
        [cost.Work(**work) for work in params.works],
        params.limit,
        cost.Budget(**params.budget),
        cost.Assumptions(**params.assumed),
        params.tokens_per_second,
    )
    write_summary(planned, snakemake.output.csv, snakemake.output.md)
