"""Plan a second round of branches where the first left a drop open."""

from cliff_tokens import tables
from cliff_tokens.script import stage
from cliff_tokens.stages import recursion

with stage(snakemake) as provenance:
    params = snakemake.params
    branches = tables.read(snakemake.input.branches, "branches")
    plan = recursion.second_round(
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.tokens, "tokens"),
        branches,
        tables.read(snakemake.input.alternatives, "alternatives"),
        params.seed,
        "adaptive",
        budget=round(params.second_round * branches["rollouts"].sum()),
        margin=params.margin,
        z=params.z,
    )
    tables.write(plan, snakemake.output.plan, "plans", provenance)
