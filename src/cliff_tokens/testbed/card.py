"""How good a testbed model is, and the card that says so."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.formatting import format_markdown
from cliff_tokens.policies import Policy
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.generators import generate
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.traces import sample
from cliff_tokens.testbed.training import Recipe

# The test split of the factors is small: only so many numbers are easy to factor.
PROBLEMS = {"chains": 800, "factors": 40, "marathons": 100}
COMMAND = "snakemake --cores 2 retrain"


def accuracy(
    policy: Policy,
    limits: dict[str, int],
    *,
    seed: int,
    confidence: float,
) -> pd.DataFrame:
    """Accuracy on the test problems of each generator, sampled and greedy.

    ``limits`` gives the generators and their limit on the response in tokens, ``seed`` draws
    problems and answers. Columns: dataset, decoding, problems, correct, truncated, accuracy and its
    Wilson interval at ``confidence``.
    """
    rows = []
    with Grader() as grader:
        for name, limit in limits.items():
            problems = generate(name, "test", PROBLEMS[name], seed).assign(dataset=name)
            for decoding, sampler in (("sampled", policy.sampler), ("greedy", Sampler(0.0))):
                answering = replace(policy, sampler=sampler)
                questions = Questions(system=None, max_tokens=limit, samples=1)
                answers = sample(problems, questions, "testbed", answering, grader, seed)
                correct = int((answers["verdict"] == "correct").sum())
                low, high = statistics.wilson(correct, len(problems), confidence)
                rows.append(
                    {
                        "dataset": name,
                        "decoding": decoding,
                        "problems": len(problems),
                        "correct": correct,
                        "truncated": int((answers["finish"] == "length").sum()),
                        "accuracy": correct / len(problems),
                        "accuracy_low": float(low),
                        "accuracy_high": float(high),
                    }
                )
    return pd.DataFrame(rows)


def write(name: str, recipe: Recipe, parameters: int, loss: float, measured: pd.DataFrame) -> str:
    """The model card, in Markdown with the metadata block of the Hugging Face Hub.

    Args:
        name: of the model.
        recipe: what it was trained by.
        parameters: number of its weights.
        loss: mean over the last 100 steps, nats a token.
        measured: what ``accuracy`` gives.
    """
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

Trained by `{COMMAND}`: {recipe.steps:,} steps of {recipe.batch} fresh examples, data and weights
seeded with {recipe.seed}; loss over the last 100 steps {loss:.4f} nats a token.

{format_markdown(measured)}

Intervals are Wilson intervals. The recipe:

```json
{json.dumps(dataclasses.asdict(recipe), indent=2)}
```
"""


def weight_difference(shipped: str, retrained: str) -> float:
    """Norm of the difference of two checkpoints' weights over the norm of the first's."""
    from safetensors.numpy import load_file

    one, two = (load_file(Path(folder) / "model.safetensors") for folder in (shipped, retrained))
    if {key: value.shape for key, value in one.items()} != {
        key: value.shape for key, value in two.items()
    }:
        raise ValueError(f"{shipped} and {retrained}: the weights have different names or shapes")
    squares = sum(float(((one[key] - two[key]) ** 2).sum()) for key in one)
    return (squares / sum(float((value**2).sum()) for value in one.values())) ** 0.5


def compare(shipped: pd.DataFrame, retrained: pd.DataFrame, difference: float) -> pd.DataFrame:
    """Both accuracies in one table; ``weight_difference`` is relative to the shipped weights."""
    both = [("shipped", shipped, 0.0), ("retrained", retrained, difference)]
    return pd.concat(
        [frame.assign(origin=name, weight_difference=apart) for name, frame, apart in both]
    ).sort_values(["dataset", "decoding", "origin"], ignore_index=True)
