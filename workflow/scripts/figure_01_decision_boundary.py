"""Figure 1: Decision boundary of the rule."""

from cliff_tokens.exhibits import figure_01_decision_boundary as decision_boundary
from cliff_tokens.script import stage, write_figure
from cliff_tokens.stages.cliff_test import CliffTest

with stage(snakemake):
    params = snakemake.params
    values = decision_boundary.values(CliffTest(params.margin, params.z), params.rollouts)
    write_figure(values, decision_boundary.draw(values), snakemake.output)
