"""Count what rollouts from each cut point came to."""

from cliff_tokens import tables
from cliff_tokens.script import running
from cliff_tokens.stages.cut_points import collect_cut_points

with running(snakemake) as provenance:
    files = snakemake.input
    cut_points = collect_cut_points(
        tables.read(files.cuts, "cuts"),
        tables.read(files.resampling, "resampling"),
        tables.read(files.plan, "plans"),
        tables.read_all(files.rollouts, "rollouts"),
    )
    tables.write(cut_points, snakemake.output.cut_points, "cut_points", provenance)
