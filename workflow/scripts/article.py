"""Write the run as one page to read."""

from cliff_tokens.article import build
from cliff_tokens.catalogue import read
from cliff_tokens.paper_index import complete, read_published
from cliff_tokens.script import running

with running(snakemake):
    inputs, params = snakemake.input, snakemake.params
    explorer = inputs.get("explorer")
    in_report = explorer and str(snakemake.report_href(f"{explorer}/index.html"))
    build.write(
        snakemake.output.article,
        inputs.exhibits,
        inputs.scorecard,
        complete(read(inputs.index), read_published(inputs.published)),
        params.config,
        inputs.overview,
        in_report,
    )
