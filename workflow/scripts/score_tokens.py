"""Score every token of the traces in one teacher-forced pass."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_model, stage
from cliff_tokens.stages import traces

with stage(snakemake) as provenance:
    params = snakemake.params
    tokens, alternatives = traces.score(
        tables.read(snakemake.input.traces, "traces"),
        *open_model(params.source),
        Sampler(**params.sampler),
        params.support,
    )
    tables.write(tokens, snakemake.output.tokens, "tokens", provenance)
    tables.write(alternatives, snakemake.output.alternatives, "alternatives", provenance)
