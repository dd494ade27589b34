"""Figure 4: Cliff mass of one model, and what another makes of it."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_04_cliff_mass_and_transfer as cliff_mass_and_transfer
from cliff_tokens.exhibits import figure_05_cliff_mass as cliff_mass
from cliff_tokens.exhibits import figure_11_delta_cpm as delta_cpm
from cliff_tokens.script import stage, write_figure
from cliff_tokens.stages import candidates
from cliff_tokens.stages.cliff_test import CliffTest

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    cliffs = tables.read_all(files.cliffs, "cliffs")
    asked = tables.read_all(files.candidates, "candidates")
    estimates = tables.read_all(files.estimates, "estimates")
    resampling = tables.read_all(files.resampling, "resampling")
    scored = tables.read_all(files.agreement, "agreement")
    test = CliffTest(params.margin, params.z)
    members = candidates.members(asked, cliffs, estimates, test)
    values = cliff_mass_and_transfer.values(
        cliff_mass.values(asked, cliffs, estimates, resampling, test),
        delta_cpm.values(scored, cliffs, members),
        params.pairs,
    )
    write_figure(values, cliff_mass_and_transfer.draw(values, params.pairs), snakemake.output)
