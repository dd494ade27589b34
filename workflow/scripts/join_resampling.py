"""Count what the arms of the cliffs came to."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.resampling import collect_resampling

with running(snakemake) as provenance:
    resampling = collect_resampling(
        tables.read(snakemake.input.plan, "plans"),
        tables.read_all(snakemake.input.rollouts, "rollouts"),
    )
    tables.write(resampling, snakemake.output.resampling, "resampling", provenance)
