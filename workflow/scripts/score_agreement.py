"""Ask another model about the source's cliff tokens and their controls."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, open_tokenizer, stage
from cliff_tokens.stages.agreement import Reader, ask, match_controls, score

with stage(snakemake) as provenance:
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    cliffs = tables.read(files.cliffs, "cliffs")
    tokens = tables.read(files.tokens, "tokens")
    controls = match_controls(cliffs, tokens, params.certain)
    asked = ask(cliffs, tables.read(files.candidates, "candidates"), tokens, controls)
    agreement = asked.assign(evaluator=names.evaluator, probability=0.0, rank=0)
    if len(asked):
        evaluator = open_policy(params.evaluator, params.sampler)
        agreement = score(
            asked,
            tables.read(files.traces, "traces"),
            Reader(names.source, open_tokenizer(params.source)),
            Reader(names.evaluator, evaluator.tokenizer),
            evaluator.engine,
            params.context,
        )
    tables.write(agreement, snakemake.output.agreement, "agreement", provenance)
