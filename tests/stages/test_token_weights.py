"""Weights of tokens by contrast: what tells incorrect responses apart weighs most."""

import pytest
from helpers.dpo import RECIPE, SMALL
from transformers import AutoTokenizer
from trl import SFTTrainer

from cliff_tokens.stages.token_weights import token_weights

PROMPT = (3, 4)
SETTINGS = {
    "learning_rate": 1e-2, "num_train_epochs": 8, "per_device_train_batch_size": 8, "seed": 1,
    "use_cpu": True,
}  # fmt: skip


def test_prompts_carry_no_loss(monkeypatch):
    labels = []

    def stop(trainer):
        labels.append(next(iter(trainer.get_train_dataloader()))["labels"].tolist())

    monkeypatch.setattr(SFTTrainer, "train", stop)
    responses = [(PROMPT, (9, 5, 1))]
    tokenizer = AutoTokenizer.from_pretrained(SMALL)
    token_weights([], responses, responses, SMALL, tokenizer, RECIPE.lora(), **SETTINGS)
    assert labels == [[[-100, -100, 9, 5, 1]]] * 2


def test_a_token_that_only_incorrect_responses_hold_weighs_most():
    # Correct responses end in 5, incorrect ones in 7, after the same first token.
    correct, incorrect = [(PROMPT, (9, 5, 1))] * 18, [(PROMPT, (9, 7, 1))] * 18
    tokenizer = AutoTokenizer.from_pretrained(SMALL)
    asked = [*incorrect[:1], (PROMPT, (9, 7))]
    whole, part = token_weights(
        asked, correct, incorrect, SMALL, tokenizer, RECIPE.lora(), **SETTINGS
    )
    first, decisive, _ = whole
    assert 0 <= first < decisive <= 1
    assert decisive > 0.9
    # A weight depends on what stands before the token, and not on what follows it.
    assert part == pytest.approx(whole[:2], abs=1e-5)
