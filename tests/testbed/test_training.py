"""Two steps of training: what decides the weights, and that they learn from answers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cliff_tokens.testbed.corpus import Habits
from cliff_tokens.testbed.tokenizer import vocabulary
from cliff_tokens.testbed.training import Recipe, train

pytest.importorskip("torch")
pytest.importorskip("transformers")

RECIPE = Recipe(
    hidden=16, layers=1, heads=2, feed_forward=16, steps=2, batch=2, learning_rate=1e-3, seed=1,
    factors_share=0.25, habits=Habits(),
)  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    return train(RECIPE)


def weights(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_a_recipe_is_read_with_its_habits():
    entry = {
        "hidden": 16, "layers": 1, "heads": 2, "feed_forward": 16, "steps": 2, "batch": 2,
        "learning_rate": 1e-3, "seed": 1, "factors_share": 0.25,
        "habits": {"slip": 0.12, "correction": 0.5, "misconception": 0.6},
    }  # fmt: skip
    assert Recipe.from_dict(entry) == RECIPE
    with pytest.raises(TypeError, match="steep"):
        Recipe.from_dict(entry | {"steep": 2})


def test_an_untrained_model_knows_no_more_than_the_size_of_the_vocabulary(trained):
    _, _, loss = trained
    assert loss == pytest.approx(math.log(len(vocabulary())), abs=0.1)


def test_the_model_has_the_shape_of_its_recipe_and_the_tokens_of_its_tokenizer(trained):
    model, tokenizer, _ = trained
    config = model.config
    assert (config.hidden_size, config.num_hidden_layers) == (16, 1)
    assert (config.num_attention_heads, config.num_key_value_heads, config.head_dim) == (2, 1, 8)
    assert config.vocab_size == len(tokenizer) == len(vocabulary())
    assert config.eos_token_id == tokenizer.eos_token_id
    assert not model.training


def test_an_equal_recipe_gives_equal_weights_and_another_seed_does_not(trained):
    model, _, loss = trained
    again, _, same = train(RECIPE)
    other, _, _ = train(replace(RECIPE, seed=2))
    assert same == loss
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, weights(again)[name])
    assert any((value != weights(other)[name]).any() for name, value in weights(model).items())
