"""Example traces."""

from cliff_tokens import tables
from cliff_tokens.exhibits import example_traces
from cliff_tokens.script import stage, write_figure
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = example_traces.values(
        tables.read_all(snakemake.input.traces, "traces"),
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.tokens, "tokens"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        CliffTest(params.margin, params.z),
        Intervals(**params.intervals),
        params.examples,
    )
    write_figure(values, example_traces.draw(values), snakemake.output)
