"""Train a testbed model from scratch."""

import json
from pathlib import Path

from cliff_tokens.script import running
from cliff_tokens.testbed import training

with running(snakemake):
    recipe = training.Recipe.from_dict(snakemake.params.recipe)
    model, tokenizer, loss = training.train(recipe)
    model.save_pretrained(snakemake.output.checkpoint)
    tokenizer.save_pretrained(snakemake.output.checkpoint)
    record = {"parameters": model.num_parameters(), "loss": loss}
    Path(snakemake.output.training).write_text(json.dumps(record), encoding="utf-8")
