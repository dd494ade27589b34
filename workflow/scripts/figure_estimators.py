"""Error against cost of the estimators."""

import pandas as pd

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_estimators as estimators
from cliff_tokens.script import read_each, stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    counts = read_each(files.counts, params.folders)
    values = estimators.values(
        read_each(files.estimates, params.estimators, "estimates"),
        {name: pd.concat(map(counts.get, folders)) for name, folders in params.counts.items()},
        tables.read_all(files.reference, "estimates"),
        tables.read_all(files.branches, "branches"),
        tables.read_all(files.traces, "traces"),
        tables.read_all(files.tokens, "tokens"),
        tables.read_all(files.alternatives, "alternatives"),
        params.rollouts,
        params.seed,
        Intervals(**params.intervals),
        models=params.models,
    )
    write_figure(values, estimators.draw(values), snakemake.output)
