"""Say where incorrect traces are cut, and plan rollouts from there."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.cut_points import CutRules, locate, plan_cut_points

with running(snakemake) as provenance:
    files, params = snakemake.input, snakemake.params
    cuts = locate(
        tables.read(files.estimates, "estimates"),
        tables.read(files.traces, "traces"),
        tables.read(files.cliffs, "cliffs"),
        CutRules(**params.rules),
        params.seed,
    )
    plan = plan_cut_points(cuts, tables.read(files.resampling, "resampling"), params.rollouts)
    tables.write(cuts, snakemake.output.cuts, "cuts", provenance)
    tables.write(plan, snakemake.output.plan, "plans", provenance)
