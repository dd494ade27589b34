"""Precision and recall of every catalogue of cliffs, against the reference."""

from cliff_tokens import tables
from cliff_tokens.exhibits import truth
from cliff_tokens.script import read_each, stage, write_summary
from cliff_tokens.statistics import Intervals

with stage(snakemake):
    files, params = snakemake.input, snakemake.params
    cliffs = read_each(files.cliffs, params.estimators, "cliffs")
    if files.audit:
        audit = tables.read_all(files.audit, "audit")
        cliffs[truth.AUDITED] = truth.audited(cliffs[truth.INDEPENDENT], audit)
    summary = truth.catalogues(
        cliffs,
        tables.read_all(files.reference, "estimates"),
        tables.read_all(files.tokens, "tokens"),
        params.margin,
        params.certain,
        Intervals(**params.intervals),
        models=params.models,
    )
    write_summary(summary, snakemake.output.csv, snakemake.output.md)
