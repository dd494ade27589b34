"""Set the paper's claims and numbers beside those of this run."""

from pathlib import Path

import pandas as pd

from cliff_tokens import catalogue, formatting, scorecard
from cliff_tokens.script import stage, write_summary

with stage(snakemake):
    inputs, params = snakemake.input, snakemake.params
    card = scorecard.score(
        catalogue.read(inputs.index),
        dict(zip(params.values, map(pd.read_csv, inputs.values), strict=True)),
        params.models,
        params.datasets,
        params.confidence,
    )
    write_summary(card, snakemake.output.csv, snakemake.output.md)
    page = formatting.format_html(card, "The paper beside this run")
    Path(snakemake.output.html).write_text(page)
