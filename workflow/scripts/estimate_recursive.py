"""Estimate potential by recursion from branches."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.recursion import estimate_recursive

with running(snakemake) as provenance:
    estimates = estimate_recursive(
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read_all(snakemake.input.branches, "branches"),
    )
    tables.write(estimates, snakemake.output.estimates, "estimates", provenance)
