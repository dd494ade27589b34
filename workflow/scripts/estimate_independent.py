"""Estimate potential from independent rollouts."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.independent import estimate_independent

with running(snakemake) as provenance:
    estimates = estimate_independent(
        tables.read(snakemake.input.potential, "potential"),
        tables.read(snakemake.input.traces, "traces"),
    )
    tables.write(estimates, snakemake.output.estimates, "estimates", provenance)
