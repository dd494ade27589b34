"""Select the problems of a data set."""

import logging

from cliff_tokens import tables
from cliff_tokens.script import read_rows, running
from cliff_tokens.stages import problems

with running(snakemake) as provenance:
    params, output = snakemake.params, snakemake.output
    selected = problems.select(
        params.dataset, params.entry, params.limit, params.seed, read_rows(params.entry)
    )
    if counts := selected.dropped["kind"].value_counts().to_dict():
        logging.getLogger("cliff_tokens").warning(
            "%s: %d problems asked, dropped: %s; see %s",
            params.dataset, len(selected.asked), counts, output.dropped,
        )  # fmt: skip
    tables.write(selected.asked, output.problems, "problems", provenance)
    tables.write(selected.dropped, output.dropped, "dropped", provenance)
