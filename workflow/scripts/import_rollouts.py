"""Read published traces and counts of a model on a data set."""

from pathlib import Path

from cliff_tokens import hub, tables
from cliff_tokens.script import open_tokenizer, running
from cliff_tokens.stages import published

with running(snakemake) as provenance:
    params, output = snakemake.params, snakemake.output
    release = params.release
    folder = release.get("folder") or hub.folder(
        hub.Repository("dataset", release["hub"], release["revision"])
    )
    records = published.read(Path(folder, params.file), release["rollouts"])
    problems = published.problems_of(records, params.dataset)
    encode = open_tokenizer(params.opens).written_ids
    traces = published.traces_of(records, params.model, params.dataset, encode)
    potential = published.potential_of(records, traces, release["rollouts"])
    tables.write(problems, output.problems, "problems", provenance)
    tables.write(traces, output.traces, "published_traces", provenance)
    tables.write(potential, output.potential, "published_potential", provenance)
