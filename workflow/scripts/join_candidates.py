"""Count what rollouts after each candidate came to."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.candidates import collect_candidates

with running(snakemake) as provenance:
    files = snakemake.input
    candidates = collect_candidates(
        tables.read(files.shortlist, "shortlist"),
        tables.read(files.branches, "branches") if files.branches else None,
        tables.read(files.resampling, "resampling"),
        tables.read(files.plan, "plans"),
        tables.read_all(files.rollouts, "rollouts"),
    )
    tables.write(candidates, snakemake.output.candidates, "candidates", provenance)
