"""Join the shards of the branches."""

from cliff_tokens import tables
from cliff_tokens.script import stage

with stage(snakemake) as provenance:
    joined = tables.read_all(snakemake.input.shards, "branches")
    tables.write(joined, snakemake.output.branches, "branches", provenance)
