"""Cliffs and controls in the eyes of another model."""

from cliff_tokens import tables
from cliff_tokens.script import stage, write_summary
from cliff_tokens.stages import agreement, candidates
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    cliffs = tables.read_all(files.cliffs, "cliffs")
    members = candidates.members(
        tables.read_all(files.candidates, "candidates"),
        cliffs,
        tables.read_all(files.estimates, "estimates"),
        CliffTest(params.margin, params.z),
    )
    scored = tables.read_all(files.agreement, "agreement")
    intervals = Intervals(**params.intervals)
    summary = agreement.summarize(scored, cliffs, members, intervals, params.pairs)
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
