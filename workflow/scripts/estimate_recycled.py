"""Estimate potential from where independent rollouts leave their trace."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.recursion import estimate_recycled, leavers_of

with running(snakemake) as provenance:
    estimates = estimate_recycled(
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        leavers_of(tables.read(snakemake.input.potential, "potential")),
    )
    tables.write(estimates, snakemake.output.estimates, "estimates", provenance)
