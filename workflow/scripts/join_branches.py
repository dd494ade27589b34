"""Count what the branches came to."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.recursion import collect_branches

with running(snakemake) as provenance:
    branches = collect_branches(
        tables.read(snakemake.input.plan, "plans"),
        tables.read_all(snakemake.input.rollouts, "rollouts"),
    )
    tables.write(branches, snakemake.output.branches, "branches", provenance)
