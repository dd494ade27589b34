"""Figure 2: Share of traces with a cliff."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_02_share_with_cliff as share_with_cliff
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = share_with_cliff.values(
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        Intervals(**params.intervals),
        models=params.models,
        datasets=params.datasets,
    )
    write_figure(values, share_with_cliff.draw(values), snakemake.output)
