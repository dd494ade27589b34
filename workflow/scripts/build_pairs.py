"""Pair the cliff tokens of one variant with tokens to prefer."""

import logging

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.pairs import PairRule, build

with running(snakemake) as provenance:
    params = snakemake.params
    pairs, counts = build(
        params.variant,
        {name: tables.read_all(paths, name) for name, paths in snakemake.input.items()},
        PairRule(CliffTest(**params.test), params.top, params.chosen, params.weights),
        certain=params.certain,
        held_out=params.held_out,
        matched=params.matched,
        seed=params.seed,
    )
    logging.getLogger("cliff_tokens").info("%s: %s", params.variant, counts)
    tables.write(pairs, snakemake.output.pairs, "pairs", {**provenance, "counts": counts})
