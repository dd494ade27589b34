"""Take the traces of a data set's first problems."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.independent import take_subset

with running(snakemake) as provenance:
    traces = take_subset(
        tables.read(snakemake.input.problems, "problems"),
        tables.read(snakemake.input.traces, "traces"),
        snakemake.params.problems,
    )
    tables.write(traces, snakemake.output.traces, "traces", provenance)
