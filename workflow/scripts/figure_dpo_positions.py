"""Gain in accuracy against loss positions."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_dpo_positions as dpo_positions
from cliff_tokens.script import read_costs, stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = dpo_positions.values(
        tables.read_all(snakemake.input.evaluation, "evaluation"),
        read_costs(snakemake.input.adapters),
        Intervals(**params.intervals),
        params.models,
        params.variants,
        params.domains,
    )
    write_figure(values, dpo_positions.draw(values), snakemake.output)
