"""Plan a second round of branches where they make the potential most accurate."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.recursion import plan_second_round

with running(snakemake) as provenance:
    plan = plan_second_round(
        tables.read(snakemake.input.branches, "branches"),
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read(snakemake.input.alternatives, "alternatives"),
        share=snakemake.params.share,
        seed=snakemake.params.seed,
        draws="adaptive",
    )
    tables.write(plan, snakemake.output.plan, "plans", provenance)
