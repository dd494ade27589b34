"""Plan the rollouts that candidates lack after what other tables have of them."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.candidates import plan_candidates

with running(snakemake) as provenance:
    files = snakemake.input
    plan = plan_candidates(
        tables.read(files.shortlist, "shortlist"),
        tables.read(files.branches, "branches") if files.branches else None,
        tables.read(files.resampling, "resampling"),
        snakemake.params.rollouts,
    )
    tables.write(plan, snakemake.output.plan, "plans", provenance)
