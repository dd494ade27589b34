"""Set a retrained testbed model beside the shipped one."""

import pandas as pd

from cliff_tokens.formatting import write_summary
from cliff_tokens.script import open_policy, running
from cliff_tokens.testbed import card

with running(snakemake):
    params = snakemake.params
    shipped = card.accuracy(
        open_policy({"engine": "transformers", "model": snakemake.input.shipped}, params.sampler),
        params.limits,
        seed=params.seed,
        confidence=params.confidence,
    )
    retrained = pd.read_csv(snakemake.input.accuracy)
    difference = card.weight_difference(snakemake.input.shipped, snakemake.input.checkpoint)
    compared = card.compare(shipped, retrained, difference)
    write_summary(compared, snakemake.output.csv, snakemake.output.md)
