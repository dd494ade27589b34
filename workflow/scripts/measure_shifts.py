"""Measure what every adapter of a model does to tokens at cliffs that none was trained on."""

from cliff_tokens import tables
from cliff_tokens.script import located, running, trained_adapters
from cliff_tokens.stages.shifts import list_probes, measure

with running(snakemake) as provenance:
    files = snakemake.input
    probes = list_probes(tables.read_all(files.cliffs, "cliffs"), tables.read(files.pairs, "pairs"))
    adapters = trained_adapters(files.adapters)
    shifts = tables.empty("shifts")
    if len(probes) and adapters:  # opening a model for nothing takes longer than all else here
        traces = tables.read_all(files.traces, "traces")
        shifts = measure(probes, traces, located(snakemake.params.opens), adapters)
    tables.write(shifts, snakemake.output.shifts, "shifts", provenance)
