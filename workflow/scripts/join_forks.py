"""Count what rollouts after both sides of the forks came to."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.forks import collect_forks

with running(snakemake) as provenance:
    forks = collect_forks(
        tables.read(snakemake.input.plan, "plans"),
        tables.read_all(snakemake.input.rollouts, "rollouts"),
        tables.read(snakemake.input.tokens, "tokens"),
    )
    tables.write(forks, snakemake.output.forks, "forks", provenance)
