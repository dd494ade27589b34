"""Roll out from every prefix of one shard of the traces."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_model, stage, unfinished
from cliff_tokens.stages import independent as potential
from cliff_tokens.stages.grading import Grader

with (
    stage(snakemake) as provenance,
    unfinished(snakemake.output.shard, provenance) as store,
    Grader() as grader,
):
    params = snakemake.params
    traces = tables.read(snakemake.input.traces, "traces")
    counts = potential.roll_out(
        potential.shard(traces, int(params.shard), params.shards),
        tables.read(snakemake.input.problems, "problems"),
        *open_model(params.source),
        Sampler(**params.sampler),
        grader,
        count=params.rollouts,
        seed=params.seed,
        store=store,
    )
    tables.write(counts, snakemake.output.shard, "potential", provenance)
