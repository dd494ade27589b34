"""Audit the cliffs that the published rule found."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.audit import audit
from cliff_tokens.stages.cliff_test import CliffTest

with running(snakemake) as provenance:
    audited = audit(
        tables.read(snakemake.input.cliffs, "cliffs"),
        tables.read(snakemake.input.potential, "potential"),
        tables.read(snakemake.input.estimates, "estimates"),
        tables.read(snakemake.input.resampling, "resampling"),
        CliffTest(**snakemake.params.test),
    )
    tables.write(audited, snakemake.output.audit, "audit", provenance)
