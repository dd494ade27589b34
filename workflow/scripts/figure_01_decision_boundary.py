"""Figure 1: Decision boundary of the rule."""

from cliff_tokens.cliffs import CliffTest
from cliff_tokens.figures import decision_boundary
from cliff_tokens.script import stage, write_figure

with stage(snakemake):
    params = snakemake.params
    values = decision_boundary.values(CliffTest(params.margin, params.z), params.rollouts)
    write_figure(values, decision_boundary.draw(values), snakemake.output)
