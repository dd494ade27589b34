"""Figure 6: the sampled token against the greedy one at sampled-off cliffs."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_06_recovery as recovery
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = recovery.values(
        tables.read_all(snakemake.input.candidates, "candidates"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        Intervals(**params.intervals),
    )
    write_figure(values, recovery.draw(values, params.models), snakemake.output)
