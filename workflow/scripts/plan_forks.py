"""Plan rollouts after both sides of the forks that are matched to cliffs."""

import logging

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.forks import match_forks, plan_forks

with running(snakemake) as provenance:
    frames = {name: tables.read(path, name) for name, path in snakemake.input.items()}
    forks = match_forks(**frames)
    without = len(frames["cliffs"]) - len(forks)
    logging.getLogger("cliff_tokens").info(
        "%d of %d cliffs: no fork", without, len(frames["cliffs"])
    )
    plan = plan_forks(forks, snakemake.params.rollouts)
    tables.write(plan, snakemake.output.plan, "plans", provenance)
