"""Say which candidates lead over their cliff, and how much probability these carry."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.masses import find_members, weigh

with running(snakemake) as provenance:
    files, params = snakemake.input, snakemake.params
    candidates = tables.read(files.candidates, "candidates")
    cliffs = tables.read(files.cliffs, "cliffs")
    members = find_members(
        candidates,
        cliffs,
        tables.read(files.estimates, "estimates"),
        tables.read(files.resampling, "resampling"),
        CliffTest(**params.test),
    )
    masses = weigh(candidates, members, cliffs)
    tables.write(members, snakemake.output.members, "members", provenance)
    tables.write(masses, snakemake.output.masses, "masses", provenance)
