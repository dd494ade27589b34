"""Write every trace of the run for a browser."""

from cliff_tokens import sources
from cliff_tokens.explorer import build
from cliff_tokens.script import running

with running(snakemake):
    inputs, params = snakemake.input, snakemake.params
    followed = [*inputs.resampling, *inputs.candidates, *inputs.audit]
    build.of_run(
        sources.of_cliffs(inputs.cliffs, followed),
        snakemake.output.explorer,
        params.run,
        params.confidence,
        params.main,
    )
