"""Error and cost of every estimator, against the reference."""

import pandas as pd

from cliff_tokens import tables
from cliff_tokens.exhibits import truth
from cliff_tokens.script import read_each, stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    counts = read_each(files.counts, params.folders)
    summary = truth.estimators(
        read_each(files.estimates, params.estimators, "estimates"),
        read_each(files.cliffs, params.estimators, "cliffs"),
        {name: pd.concat(map(counts.get, folders)) for name, folders in params.counts.items()},
        tables.read_all(files.reference, "estimates"),
        tables.read_all(files.tokens, "tokens"),
        params.margin,
        params.certain,
        Intervals(**params.intervals),
        models=params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
