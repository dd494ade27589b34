"""Train an adapter on the pairs of one variant."""

from cliff_tokens import tables
from cliff_tokens.script import located, running
from cliff_tokens.stages.training import Recipe, train

with running(snakemake) as provenance:
    params, output = snakemake.params, snakemake.output
    history = train(
        tables.read(snakemake.input.pairs, "pairs"),
        located(params.opens),
        params.variant,
        Recipe(**params.recipe),
        int(params.seed),
        output.adapter,
        provenance,
        params.opens["model"],
    )
    tables.write(history, output.training, "training", provenance)
