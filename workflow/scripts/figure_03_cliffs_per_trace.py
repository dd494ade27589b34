"""Figure 3: Cliffs per trace."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_03_cliffs_per_trace as cliffs_per_trace
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = cliffs_per_trace.values(
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        Intervals(**params.intervals),
        models=params.models,
        datasets=params.datasets,
    )
    write_figure(values, cliffs_per_trace.draw(values), snakemake.output)
