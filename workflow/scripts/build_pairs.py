"""Pair the cliff tokens of one variant with tokens to prefer."""

import logging

from cliff_tokens import tables
from cliff_tokens.script import stage
from cliff_tokens.stages import pairs
from cliff_tokens.stages.cliff_test import CliffTest

with stage(snakemake) as provenance:
    params = snakemake.params
    names = (
        "cliffs", "candidates", "estimates", "resampling", "tokens", "alternatives", "traces"
    )  # fmt: skip
    built, counts = pairs.build(
        params.variant,
        {name: tables.read_all(snakemake.input[name], name) for name in names},
        pairs.Rule(CliffTest(params.margin, params.z), params.top, params.chosen, params.weights),
        certain=params.certain,
        held_out=params.held_out,
        seed=params.seed,
    )
    logging.getLogger("cliff_tokens").info("%s: %s", params.variant, counts)
    tables.write(built, snakemake.output.pairs, "pairs", {**provenance, "counts": counts})
