"""Training curves of Cliff-DPO."""

from cliff_tokens.exhibits import figure_dpo_training as dpo_training
from cliff_tokens.script import read_labeled, stage, write_figure

with stage(snakemake):
    params = snakemake.params
    values = dpo_training.values(read_labeled(snakemake.input.training, "training"))
    drawn = dpo_training.draw(values, params.models, params.variants)
    write_figure(values, drawn, snakemake.output)
