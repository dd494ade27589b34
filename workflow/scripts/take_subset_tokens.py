"""Take the tokens of the traces that were taken."""

from cliff_tokens import tables
from cliff_tokens.script import running

with running(snakemake) as provenance:
    traces = tables.read(snakemake.input.traces, "traces")
    tokens = tables.read(snakemake.input.tokens, "tokens")
    tokens = tokens[tokens["trace_id"].isin(traces["trace_id"])]
    tables.write(tokens, snakemake.output.tokens, "tokens", provenance)
