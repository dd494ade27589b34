"""Simulate from the reference what every estimator would have flagged, and how far it would err."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import stream
from cliff_tokens.script import running
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.passes import simulate_errors, simulate_flags
from cliff_tokens.stages.simulated_draws import Truth

with running(snakemake) as provenance:
    files, output, params = snakemake.input, snakemake.output, snakemake.params
    protocol = Protocol(**params.protocol)
    seed = int(stream(params.seed, "passes", *snakemake.wildcards))
    truth = Truth(
        traces=tables.read(files.traces, "traces"),
        tokens=tables.read(files.tokens, "tokens"),
        alternatives=tables.read(files.alternatives, "alternatives"),
        reference=tables.read(files.reference, "estimates"),
        branches=tables.read(files.branches, "branches"),
    )
    flags = simulate_flags(
        truth, protocol, params.fresh, params.repetitions, CliffTest(**params.test), seed
    )
    tables.write(flags, output.flags, "simulated_flags", provenance)
    errors = simulate_errors(truth, protocol.second_round, seed)
    tables.write(errors, output.errors, "simulated_errors", provenance)
