"""Plan rollouts with each cliff token deleted and kept, beside matched controls."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.resampling import match_controls, plan_resampling

with running(snakemake) as provenance:
    cliffs = tables.read(snakemake.input.cliffs, "cliffs")
    controls = match_controls(
        cliffs,
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.tokens, "tokens"),
    )
    plan = plan_resampling(cliffs, controls, snakemake.params.rollouts)
    tables.write(plan, snakemake.output.plan, "plans", provenance)
