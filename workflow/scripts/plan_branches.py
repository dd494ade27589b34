"""Plan the branches of every trace."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.recursion import plan_branches

with running(snakemake) as provenance:
    params = snakemake.params
    plan = plan_branches(
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read(snakemake.input.alternatives, "alternatives"),
        params.rollouts,
        params.seed,
        params.draws,
    )
    tables.write(plan, snakemake.output.plan, "plans", provenance)
