"""Detect cliffs in published rollouts by the rule, and audit them."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.audit import audit_published
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.forced_runs import compare_counts, pool, rest_of_runs
from cliff_tokens.stages.published import estimate_published

with running(snakemake) as provenance:
    inputs, output = snakemake.input, snakemake.output
    test, certain = CliffTest(**snakemake.params.test), snakemake.params.certain
    traces = tables.read(inputs.traces, "published_traces")
    potential = tables.read(inputs.potential, "published_potential")
    tokens = tables.read(inputs.tokens, "tokens")
    estimates = estimate_published(potential)
    cliffs = detect(estimates, traces, tokens, test, certain)
    rests = rest_of_runs(cliffs, potential, tokens)
    audited = audit_published(rests, potential, estimates, test)
    pooled = detect(estimate_published(pool(potential, tokens)), traces, tokens, test, certain)
    runs = compare_counts(potential, tokens, traces)
    tables.write(estimates, output.estimates, "estimates", provenance)
    tables.write(audited, output.audit, "published_audit", provenance)
    tables.write(pooled, output.pooled, "cliffs", provenance)
    tables.write(runs, output.runs, "forced_runs", provenance)
