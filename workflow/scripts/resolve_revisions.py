"""Ask the Hub for the commits that the catalogues leave open."""

from cliff_tokens import hub
from cliff_tokens.script import running, write_lock

with running(snakemake):
    params = snakemake.params
    write_lock(hub.resolve_missing(params.missing, params.known), params.lock)
