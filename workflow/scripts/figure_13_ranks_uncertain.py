"""Figure 13: Ranks of uncertain cliffs in both models."""

from cliff_tokens import tables
from cliff_tokens.exhibits import ranks
from cliff_tokens.script import stage, write_figure

with stage(snakemake):
    pairs = snakemake.params.pairs
    values = ranks.values(
        tables.read_all(snakemake.input.agreement, "agreement"),
        tables.read_all(snakemake.input.cliffs, "cliffs"),
        "uncertain",
        pairs,
    )
    write_figure(values, ranks.draw(values, "uncertain", pairs), snakemake.output)
