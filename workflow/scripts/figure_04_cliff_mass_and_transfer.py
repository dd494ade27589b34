"""Figure 4: Cliff mass of one model, and what another makes of it."""

from cliff_tokens import candidates, tables
from cliff_tokens.cliffs import CliffTest
from cliff_tokens.figures import cliff_mass, cliff_mass_and_transfer, delta_cpm
from cliff_tokens.script import stage, write_figure

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
