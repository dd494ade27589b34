"""Fetch a model from the Hub."""

from cliff_tokens import hub
from cliff_tokens.script import running, write_receipt

with running(snakemake):
    params = snakemake.params
    repository = hub.Repository("model", params.repository, params.commit)
    write_receipt(hub.fetch(repository, params.sha256), snakemake.output.receipt)
