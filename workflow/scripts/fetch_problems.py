"""Fetch the problems of a data set from the Hub."""

from cliff_tokens import hub
from cliff_tokens.script import running, write_receipt

with running(snakemake):
    params = snakemake.params
    repository = hub.Repository("dataset", params.repository, params.commit)
    write_receipt(hub.fetch(repository, params.sha256), snakemake.output.receipt)
