"""Compute a figure or table from the tables that its rule names, and show it."""

from cliff_tokens.exhibits import present
from cliff_tokens.script import running

with running(snakemake):
    named = (snakemake.input, snakemake.params, snakemake.output)
    present(snakemake.rule, *(dict(names.items()) for names in named))
