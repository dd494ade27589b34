"""The predicted cost of the potential beside the cost that was met."""

from cliff_tokens import tables
from cliff_tokens.exhibits import cost
from cliff_tokens.script import read_each, stage, write_summary
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
    counts = read_each(snakemake.input.counts, params.folders)
    used = dict(zip(params.estimators, counts.values(), strict=True))
    write_summary(cost.compare(predicted, used), snakemake.output.csv, snakemake.output.md)
