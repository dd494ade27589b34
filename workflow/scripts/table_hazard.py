"""Cliff mass, cliff candidates and entropy by kind."""

from cliff_tokens import tables
from cliff_tokens.script import stage, write_summary
from cliff_tokens.stages import candidates
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    weighed = candidates.masses(
        tables.read_all(snakemake.input.candidates, "candidates"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.resampling, "resampling"),
        CliffTest(params.margin, params.z),
    )
    summary = candidates.hazard(weighed, Intervals(**params.intervals), params.models)
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
