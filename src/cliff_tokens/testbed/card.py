"""How good a testbed model is, and the card that says so."""

import dataclasses
import json

import pandas as pd

from cliff_tokens import statistics, traces
from cliff_tokens.engines import Engine
from cliff_tokens.grading import Grader
from cliff_tokens.prompts import ChatTokenizer
from cliff_tokens.sampling import Sampler
from cliff_tokens.testbed import problems
from cliff_tokens.testbed.training import Recipe


def accuracy(
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    limits: dict[str, int],
    *,
    count: int,
    seed: int,
    confidence: float,
) -> pd.DataFrame:
    """Accuracy on ``count`` test problems of each generator, sampled and greedy.

    ``limits`` gives the generators and their limit on the response in tokens. Columns: dataset,
    decoding, problems, correct, truncated, accuracy, low, high (Wilson).
    """
    rows = []
    with Grader() as grader:
        for name, limit in limits.items():
            asked = problems.generate(name, "test", count, seed).assign(dataset=name)
            for decoding, drawn_by in (("sampled", sampler), ("greedy", Sampler(0.0))):
                answers = traces.sample(
                    asked, "testbed", engine, tokenizer, drawn_by, grader,
                    system=None, max_tokens=limit, samples=1, seed=seed,
                )  # fmt: skip
                correct = int((answers["verdict"] == "correct").sum())
                low, high = statistics.wilson(correct, len(asked), confidence)
                rows.append(
                    {
                        "dataset": name,
                        "decoding": decoding,
                        "problems": len(asked),
                        "correct": correct,
                        "truncated": int((answers["finish"] == "length").sum()),
                        "accuracy": correct / len(asked),
                        "low": float(low),
                        "high": float(high),
                    }
                )
    return pd.DataFrame(rows)


def write(
    name: str, recipe: Recipe, parameters: int, loss: float, command: str, measured: pd.DataFrame
) -> str:
    """The model card, in Markdown with the metadata block of the Hugging Face Hub."""
    table = measured.assign(
        accuracy=[
            f"{row.accuracy:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in measured.itertuples()
        ]
    )[["dataset", "decoding", "problems", "truncated", "accuracy"]]
    return f"""---
license: mit
library_name: transformers
pipeline_tag: text-generation
---
# {name}

A Qwen3-architecture model of {parameters:,} parameters, trained from scratch on synthetic worked
answers (`src/cliff_tokens/testbed/`). It exists to have real cliff tokens that can be measured in
minutes: its corpus contains slips, corrected and not, and two misconceptions. It knows nothing
else.

Trained by `{command}`: {recipe.steps:,} steps of {recipe.batch} fresh examples, data and weights
seeded with {recipe.seed}; loss over the last 100 steps {loss:.4f} nats a token.

{table.to_markdown(index=False)}

Intervals are Wilson intervals. The recipe:

```json
{json.dumps(dataclasses.asdict(recipe), indent=2)}
```
"""
