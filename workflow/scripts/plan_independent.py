"""Plan rollouts at every prefix of every trace."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.independent import plan_potential

with running(snakemake) as provenance:
    traces = tables.read(snakemake.input.traces, "traces")
    plan = plan_potential(traces, snakemake.params.rollouts)
    tables.write(plan, snakemake.output.plan, "plans", provenance)
