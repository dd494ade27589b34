"""Drops of audited cliffs against the bound on them."""

from cliff_tokens import tables
from cliff_tokens.exhibits import figure_audit as audit
from cliff_tokens.script import stage, write_figure

with stage(snakemake):
    params = snakemake.params
    values = audit.values(tables.read_all(snakemake.input.audit, "audit"))
    write_figure(values, audit.draw(values, params.models, params.margin), snakemake.output)
