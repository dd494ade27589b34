"""Ask another model about the source's cliff tokens and their controls."""

from cliff_tokens import tables
from cliff_tokens.script import open_model, open_tokenizer, stage
from cliff_tokens.stages import agreement

with stage(snakemake) as provenance:
    params, names = snakemake.params, snakemake.wildcards
    scored = agreement.score(
        tables.read(snakemake.input.cliffs, "cliffs"),
        tables.read(snakemake.input.candidates, "candidates"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        open_tokenizer(params.source),
        *open_model(params.evaluator),
        source=names.source,
        evaluator=names.evaluator,
        context=params.context,
        certain=params.certain,
    )
    tables.write(scored, snakemake.output.agreement, "agreement", provenance)
