"""Draw what the published protocol would have measured on these traces."""

from cliff_tokens import simulation, tables
from cliff_tokens.script import stage

with stage(snakemake) as provenance:
    params = snakemake.params
    reference = tables.read(snakemake.input.estimates, "estimates")
    estimates = simulation.published(reference, params.rollouts, params.seed)
    tables.write(estimates, snakemake.output.estimates, "estimates", provenance)
