"""Measure a trained testbed model and write its card."""

import json
from pathlib import Path

from cliff_tokens.script import open_policy, running
from cliff_tokens.testbed import card, training

with running(snakemake):
    params = snakemake.params
    accuracy = card.accuracy(
        open_policy(
            {"engine": "transformers", "model": snakemake.input.checkpoint}, params.sampler
        ),
        params.limits,
        seed=params.seed,
        confidence=params.confidence,
    )
    accuracy.to_csv(snakemake.output.accuracy, index=False)
    recipe = training.Recipe.from_dict(params.recipe)
    trained = json.loads(Path(snakemake.input.training).read_text(encoding="utf-8"))
    text = card.write(params.name, recipe, trained["parameters"], trained["loss"], accuracy)
    Path(snakemake.output.card).write_text(text, encoding="utf-8")
