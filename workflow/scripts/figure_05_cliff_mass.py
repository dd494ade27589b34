"""Figure 5: cliff mass by kind."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_05_cliff_mass as cliff_mass
from cliff_tokens.script import stage, write_figure
from cliff_tokens.stages.cliff_test import CliffTest

with stage(snakemake):
    params = snakemake.params
    values = cliff_mass.values(
        tables.read_all(snakemake.input.candidates, "candidates"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        tables.read_all(snakemake.input.estimates, "estimates"),
        tables.read_all(snakemake.input.resampling, "resampling"),
        CliffTest(params.margin, params.z),
    )
    write_figure(values, cliff_mass.draw(values, params.models), snakemake.output)
