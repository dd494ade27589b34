"""Cliffs per trace before and after Cliff-DPO."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_dpo_cliffs as dpo_cliffs
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = dpo_cliffs.values(
        tables.read_all(snakemake.input.recounts, "recounts"),
        Intervals(**params.intervals),
        params.models,
        params.variants,
        params.datasets,
    )
    write_figure(values, dpo_cliffs.draw(values), snakemake.output)
