"""Mark the cliff tokens of every trace."""

from cliff_tokens import tables
from cliff_tokens.script import stage
from cliff_tokens.stages import cliffs
from cliff_tokens.stages.cliff_test import CliffTest

with stage(snakemake) as provenance:
    params = snakemake.params
    found = cliffs.detect(
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        CliffTest(params.margin, params.z),
        params.certain,
    )
    found = found[found["kind"].isin(params.kinds)]
    tables.write(found, snakemake.output.cliffs, "cliffs", provenance)
