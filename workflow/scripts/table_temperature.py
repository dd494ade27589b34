"""Cliff mass and potential had the token at a cliff been drawn at another temperature."""

from cliff_tokens import tables
from cliff_tokens.script import stage, write_summary
from cliff_tokens.stages import candidates
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    rows = tables.read_all(snakemake.input.candidates, "candidates")
    cliffs = tables.read_all(snakemake.input.cliffs, "cliffs")
    estimates = tables.read_all(snakemake.input.estimates, "estimates")
    test = CliffTest(params.margin, params.z)
    flagged = candidates.members(rows, cliffs, estimates, test)
    intervals = Intervals(**params.intervals)
    summary = candidates.what_if(
        rows, flagged, cliffs, params.temperatures, intervals, params.models
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
