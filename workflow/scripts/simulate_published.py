"""Draw what the published protocol would have measured on these traces."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.simulation import published

with running(snakemake) as provenance:
    params = snakemake.params
    reference = tables.read(snakemake.input.estimates, "estimates")
    estimates = published(reference, params.rollouts, params.seed)
    tables.write(estimates, snakemake.output.estimates, "estimates", provenance)
