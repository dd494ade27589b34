"""Sample and grade traces of every problem."""

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_model, stage
from cliff_tokens.stages import traces
from cliff_tokens.stages.grading import Grader

with stage(snakemake) as provenance, Grader() as grader:
    params = snakemake.params
    engine, tokenizer = open_model(params.source)
    sampled = traces.sample(
        tables.read(snakemake.input.problems, "problems"),
        params.model,
        engine,
        tokenizer,
        Sampler(**params.sampler),
        grader,
        system=params.system,
        max_tokens=params.max_tokens,
        samples=params.samples,
        seed=params.seed,
    )
    tables.write(sampled, snakemake.output.traces, "traces", provenance)
