"""Gain in accuracy by set of pairs."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_dpo_accuracy as dpo_accuracy
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = dpo_accuracy.values(
        tables.read_all(snakemake.input.evaluation, "evaluation"),
        Intervals(**params.intervals),
        params.models,
        params.variants,
        params.domains,
    )
    write_figure(values, dpo_accuracy.draw(values), snakemake.output)
