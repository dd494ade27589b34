"""Ask another model how probable it finds the source's cliff tokens and their controls."""

from cliff_tokens import tables
from cliff_tokens.script import open_policy, open_tokenizer, running
from cliff_tokens.stages.agreement import Reader, ask, match_controls, score

with running(snakemake) as provenance:
    files, params, names = snakemake.input, snakemake.params, snakemake.wildcards
    cliffs = tables.read(files.cliffs, "cliffs")
    tokens = tables.read(files.tokens, "tokens")
    controls = match_controls(cliffs, tokens, params.certain)
    agreement = ask(cliffs, tables.read(files.candidates, "candidates"), tokens, controls)
    if not len(agreement):  # opening a model for nothing takes longer than all else here
        agreement = tables.empty("agreement")
    else:
        evaluator = open_policy(params.opens, params.sampler)
        agreement = score(
            agreement,
            tables.read(files.traces, "traces"),
            Reader(names.source, open_tokenizer(params.source_opens)),
            Reader(names.evaluator, evaluator.tokenizer),
            evaluator.engine,
            params.context,
        )
    tables.write(agreement, snakemake.output.agreement, "agreement", provenance)
