"""The published protocol, simulated from the reference."""

from cliff_tokens import tables
from cliff_tokens.script import stage, write_summary
from cliff_tokens.stages import simulation
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    summary = simulation.protocol(
        tables.read_all(files.reference, "estimates"),
        tables.read_all(files.tokens, "tokens"),
        tables.read_all(files.cliffs, "cliffs") if files.cliffs else None,
        params.rollouts,
        params.repetitions,
        CliffTest(params.margin, params.z),
        params.certain,
        Intervals(**params.intervals),
        models=params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
