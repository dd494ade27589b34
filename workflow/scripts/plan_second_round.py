"""Plan a second round of branches where the first left a drop open."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.recursion import plan_second_round

with running(snakemake) as provenance:
    params = snakemake.params
    plan = plan_second_round(
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.branches, "branches"),
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read(snakemake.input.alternatives, "alternatives"),
        CliffTest(**params.test),
        share=params.share,
        seed=params.seed,
        draws="adaptive",
    )
    tables.write(plan, snakemake.output.plan, "plans", provenance)
