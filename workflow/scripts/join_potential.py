"""Count what rollouts at every prefix came to."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.independent import collect_potential

with running(snakemake) as provenance:
    potential = collect_potential(
        tables.read(snakemake.input.plan, "plans"),
        tables.read_all(snakemake.input.rollouts, "rollouts"),
    )
    tables.write(potential, snakemake.output.potential, "potential", provenance)
