"""List the most probable tokens at every cliff."""

import pandas as pd

from cliff_tokens import tables
from cliff_tokens.script import open_policy, running
from cliff_tokens.stages.candidates import list_candidates

with running(snakemake) as provenance:
    files, params = snakemake.input, snakemake.params
    cliffs = tables.read(files.cliffs, "cliffs")
    base = tables.read_all(files.base, "shortlist")
    shortlist = base[base["cliff_id"].isin(cliffs["cliff_id"])]
    lacking = cliffs[~cliffs["cliff_id"].isin(base["cliff_id"])]
    if len(lacking):
        listed = list_candidates(
            lacking,
            tables.read(files.traces, "traces"),
            open_policy(params.opens, params.sampler),
            params.top,
        )
        shortlist = pd.concat([shortlist, listed], ignore_index=True)
    tables.write(shortlist, snakemake.output.shortlist, "shortlist", provenance)
