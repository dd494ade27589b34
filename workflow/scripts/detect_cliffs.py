"""Mark the cliff tokens of every trace."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect

with running(snakemake) as provenance:
    params = snakemake.params
    cliffs = detect(
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.traces, "traces"),
        tables.read(snakemake.input.tokens, "tokens"),
        CliffTest(**params.test),
        params.certain,
        params.kinds,
    )
    tables.write(cliffs, snakemake.output.cliffs, "cliffs", provenance)
