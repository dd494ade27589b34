"""Plan rollouts with each cliff token deleted and kept, beside matched controls."""

import logging

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.resampling import match_controls, plan_resampling

with running(snakemake) as provenance:
    cliffs = tables.read(snakemake.input.cliffs, "cliffs")
    controls = match_controls(
        cliffs,
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read(snakemake.input.traces, "traces"),
    )
    without = len(cliffs) - len(controls)
    logging.getLogger("cliff_tokens").info("%d of %d cliffs: no control", without, len(cliffs))
    plan = plan_resampling(cliffs, controls, snakemake.params.rollouts)
    tables.write(plan, snakemake.output.plan, "plans", provenance)
