"""Compare the counts of independent rollouts inside forced runs."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.forced_runs import compare_counts

with running(snakemake) as provenance:
    runs = compare_counts(
        tables.read(snakemake.input.potential, "potential"),
        tables.read(snakemake.input.tokens, "tokens"),
        tables.read(snakemake.input.traces, "traces"),
    )
    tables.write(runs, snakemake.output.runs, "forced_runs", provenance)
