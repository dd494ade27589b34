"""Select the problems of a data set."""

from cliff_tokens import tables
from cliff_tokens.script import read_rows, running
from cliff_tokens.stages import problems

with running(snakemake) as provenance:
    params = snakemake.params
    selected = problems.select(
        params.dataset, params.entry, params.limit, params.seed, read_rows(params.entry)
    )
    tables.write(selected, snakemake.output.problems, "problems", provenance)
