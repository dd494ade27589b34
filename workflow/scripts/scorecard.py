"""Set the paper's claims and numbers beside those of this run."""

from pathlib import Path

import pandas as pd

from cliff_tokens.captions import to_markdown
from cliff_tokens.catalogue import read
from cliff_tokens.formatting import format_html, write_summary
from cliff_tokens.legends import of_exhibit
from cliff_tokens.paper_index import complete, read_published
from cliff_tokens.scorecard import Run, score, summarize, totals
from cliff_tokens.scorecard.claims import CLAIMS
from cliff_tokens.script import running

with running(snakemake):
    inputs, params = snakemake.input, snakemake.params
    card = score(
        complete(read(inputs.index), read_published(inputs.published)),
        CLAIMS,
        dict(zip(params.values, map(pd.read_csv, inputs.values), strict=True)),
        Run(params.models, params.datasets, params.hard, params.confidence),
    )
    line, legend = summarize(card, params.confidence), of_exhibit("scorecard", card.columns)
    caption = f"{line}\n\n{to_markdown(params.caption)}"
    write_summary(card, snakemake.output.csv, snakemake.output.md, caption, legend)
    totals(card).to_csv(snakemake.output.totals, index=False)
    page = format_html(card, "The paper beside this run", line)
    Path(snakemake.output.html).write_text(page, encoding="utf-8")
