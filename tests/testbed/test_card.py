"""How good a model is, measured on one that knows the answers; and the card that says so."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.policies import Completion, Policy
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.generators import generate
from cliff_tokens.statistics import wilson
from cliff_tokens.testbed import card
from cliff_tokens.testbed.corpus import Habits
from cliff_tokens.testbed.training import Recipe

RECIPE = Recipe(
    hidden=16, layers=1, heads=2, feed_forward=16, steps=2000, batch=2, learning_rate=1e-3,
    seed=1, factors_share=0.25, habits=Habits(slip=0.2),
)  # fmt: skip
MEASURED = pd.DataFrame(
    {
        "dataset": ["chains", "factors"], "decoding": "greedy", "accuracy": [0.75, 0.5],
        "accuracy_low": [0.7, 0.4], "accuracy_high": [0.8, 0.6],
    }
)  # fmt: skip


class Oracle:
    """An engine and tokenizer in one: greedy it answers right, sampled it never ends."""

    stops = np.array([], dtype=np.int64)

    def __init__(self, problems):
        self.questions = problems["question"].tolist()
        self.answers = problems["answer"].tolist()

    def prompt_ids(self, question, system=None, shots=()):
        return np.array([self.questions.index(question)], dtype=np.int32)

    def texts(self, responses):
        return [rf"\boxed{{{self.answers[ids[0]]}}}" if len(ids) == 1 else "" for ids in responses]

    def generate(self, requests, sampler, stops=()):
        for number, request in enumerate(requests):
            greedy = sampler.temperature == 0
            written = request.prompt_ids if greedy else np.zeros(request.max_tokens, np.int32)
            yield Completion(number, 0, written, "stop" if greedy else "length")


def test_accuracy_is_that_of_the_test_problems_sampled_and_greedy(monkeypatch):
    monkeypatch.setattr(card, "PROBLEMS", {"chains": 8, "factors": 5})
    asked = pd.concat([generate("chains", "test", 8, 3), generate("factors", "test", 5, 3)])
    oracle = Oracle(asked)
    policy = Policy(oracle, oracle, Sampler(1.0))
    found = card.accuracy(policy, {"chains": 40, "factors": 60}, seed=3, confidence=0.9)
    assert found["dataset"].tolist() == ["chains", "chains", "factors", "factors"]
    assert found["decoding"].tolist() == ["sampled", "greedy"] * 2
    assert found["problems"].tolist() == [8, 8, 5, 5]
    assert found["correct"].tolist() == [0, 8, 0, 5]
    assert found["truncated"].tolist() == [8, 0, 5, 0]
    assert found["accuracy"].tolist() == [0, 1, 0, 1]
    bounds = found[["accuracy_low", "accuracy_high"]].iloc[3]
    assert bounds.tolist() == pytest.approx(wilson(5, 5, 0.9))


def test_the_card_states_the_recipe_the_loss_and_the_accuracy():
    text = card.write("testbed-x", RECIPE, 1_234_567, 0.51234, MEASURED)
    head, meta, body = text.split("---\n", 2)
    assert head == ""
    assert "license: mit" in meta
    assert body.startswith("# testbed-x\n")
    assert "1,234,567 parameters" in body
    assert "2,000 steps of 2 fresh examples" in body
    assert "0.5123 nats" in body
    assert "0.75 [0.70, 0.80]" in body
    recipe = json.loads(re.search(r"```json\n(.*?)```", body, re.DOTALL)[1])
    assert Recipe.from_dict(recipe) == RECIPE


def test_the_difference_of_weights_is_relative_to_the_first(tmp_path):
    save = pytest.importorskip("safetensors.numpy").save_file
    one = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}  # of norm 5
    two = {"a": np.array([3.0, 0.6]), "b": np.array([[4.8]])}  # 1 apart
    for name, held in (("one", one), ("two", two), ("other", {"a": one["a"]})):
        (tmp_path / name).mkdir()
        save(held, tmp_path / name / "model.safetensors")
    first, second, other = (str(tmp_path / name) for name in ("one", "two", "other"))
    assert card.weight_difference(first, second) == pytest.approx(0.2)
    assert card.weight_difference(first, first) == 0
    with pytest.raises(ValueError, match="different names or shapes"):
        card.weight_difference(first, other)


def test_both_models_stand_side_by_side():
    found = card.compare(MEASURED, MEASURED.assign(accuracy=[0.7, 0.55]), 0.25)
    assert found["dataset"].tolist() == ["chains", "chains", "factors", "factors"]
    assert found["origin"].tolist() == ["retrained", "shipped"] * 2
    assert found["accuracy"].tolist() == [0.7, 0.75, 0.55, 0.5]
    assert found["weight_difference"].tolist() == [0.25, 0, 0.25, 0]
