"""Score every token of published traces in one teacher-forced pass."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, running
from cliff_tokens.stages.traces import score_given

with running(snakemake) as provenance:
    params = snakemake.params
    tokens = score_given(
        tables.read(snakemake.input.traces, "published_traces"),
        open_policy(params.opens, params.sampler),
        params.support,
    )
    tables.write(tokens, snakemake.output.tokens, "tokens", provenance)
