"""Figure 15: Entropy of cliff tokens and of all tokens."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_15_entropy_density as entropy_density
from cliff_tokens.script import stage, write_figure
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    params = snakemake.params
    values = entropy_density.values(
        tables.read_all(snakemake.input.tokens, "tokens"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        params.certain,
        Intervals(**params.intervals),
        models=params.models,
    )
    write_figure(values, entropy_density.draw(values), snakemake.output)
