"""Figure 11: Change of the cliff mass between models."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_11_delta_cpm as delta_cpm
from cliff_tokens.script import stage, write_figure
from cliff_tokens.stages import candidates
from cliff_tokens.stages.cliff_test import CliffTest

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    cliffs = tables.read_all(files.cliffs, "cliffs")
    members = candidates.members(
        tables.read_all(files.candidates, "candidates"),
        cliffs,
        tables.read_all(files.estimates, "estimates"),
        CliffTest(params.margin, params.z),
    )
    values = delta_cpm.values(tables.read_all(files.agreement, "agreement"), cliffs, members)
    write_figure(values, delta_cpm.draw(values, params.pairs), snakemake.output)
