"""Deletion at the cliff and at other cut points."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_cut_points as cut_points
from cliff_tokens.script import stage, write_figure
from cliff_tokens.stages.cut_points import CutRules
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = cut_points.values(
        tables.read_all(snakemake.input.cut_points, "cut_points"),
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        CutRules(**params.rules),
        Intervals(**params.intervals),
        models=params.models,
    )
    write_figure(values, cut_points.draw(values), snakemake.output)
