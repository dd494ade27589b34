"""Score every token of the traces in one teacher-forced pass."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, running
from cliff_tokens.stages.traces import score

with running(snakemake) as provenance:
    params = snakemake.params
    tokens, alternatives = score(
        tables.read(snakemake.input.traces, "traces"),
        open_policy(params.opens, params.sampler),
        params.support,
    )
    tables.write(tokens, snakemake.output.tokens, "tokens", provenance)
    tables.write(alternatives, snakemake.output.alternatives, "alternatives", provenance)
