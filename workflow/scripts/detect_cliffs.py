"""Mark the cliff tokens of every trace."""

from cliff_tokens import cliffs, tables
from cliff_tokens.script import stage

with stage(snakemake) as provenance:
    params = snakemake.params
    found = cliffs.detect(
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        cliffs.CliffTest(params.margin, params.z),
        params.certain,
    )
    found = found[found["kind"].isin(params.kinds)]
    tables.write(found, snakemake.output.cliffs, "cliffs", provenance)
