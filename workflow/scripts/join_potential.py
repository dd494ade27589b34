"""Join the shards of a potential."""

from cliff_tokens import tables
from cliff_tokens.script import stage

with stage(snakemake) as provenance:
    joined = tables.read_all(snakemake.input.shards, "potential")
    tables.write(joined, snakemake.output.potential, "potential", provenance)
