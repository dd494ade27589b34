"""Training: what an adapter is trained on, resumption, and what is saved."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.dpo import RECIPE, SMALL, pairs_of
from helpers.models import change_weights, say
from helpers.repository import ROOT
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from cliff_tokens.columns import TABLES
from cliff_tokens.stages import training


def test_weights_scale_gradients_and_an_epoch_counts_every_pair_once(tmp_path):
    pairs = pairs_of(traces=4, each=2).assign(split="train")
    model = AutoModelForCausalLM.from_pretrained(SMALL)
    parts = {"train": pairs.assign(weight=0.5), "held_out": pairs[:0]}
    tokenizer = AutoTokenizer.from_pretrained(SMALL)
    trainer = training.make_trainer(model, tokenizer, parts, RECIPE, 1, tmp_path)
    losses = [
        trainer.compute_loss(trainer.model.train(), batch).item()
        for batch in trainer.get_train_dataloader()
    ]
    # An untrained adapter has a loss of log 2 for each pair, whatever the weight's unit.
    assert np.mean(losses) == pytest.approx(np.log(2), abs=1e-6)


@pytest.mark.parametrize(
    ("size", "longest", "rows"),
    [(16, 128, 16), (16, 129, 8), (7, 600, 1), (8, 600, 2), (4, 9000, 1)],
)
def test_a_step_is_taken_in_equal_passes_that_fit(size, longest, rows):
    settings = training.passes(size, longest)
    assert settings["per_device_train_batch_size"] == rows
    assert rows * settings["gradient_accumulation_steps"] == size


def test_passes_of_a_step_train_as_one_pass_does(tmp_path, monkeypatch):
    # 5 traces a step leave one for the last step of an epoch, which is one pass and not five.
    recipe, trained = replace(RECIPE, batch=15, dropout=0.0), {}
    for name, tokens in (("one pass", 10_000), ("passes", 1)):
        monkeypatch.setattr(training, "_TOKENS", tokens)
        history = training.train(pairs_of(), SMALL, "all", recipe, 1, tmp_path / name, {})
        trained[name] = history, load_file(tmp_path / name / "adapter_model.safetensors")
    (history, weights), (again, weights_again) = trained.values()
    pd.testing.assert_frame_equal(history, again, rtol=1e-4, atol=1e-5)
    assert history["pairs"].tolist() == again["pairs"].tolist()
    for name, one in weights.items():
        torch.testing.assert_close(weights_again[name], one, rtol=1e-3, atol=1e-5)


def test_a_pair_that_does_not_fit_the_model_is_an_error_and_never_cut():
    pairs = pairs_of(traces=1)
    longest = pairs["prompt_ids"].map(len).max() + 1
    training.refuse_long(pairs, longest)
    with pytest.raises(ValueError, match=rf"m/d/p0/0: .* {longest} tokens.* {longest - 1} pos"):
        training.refuse_long(pairs, longest - 1)


def test_training_prefers_the_chosen_tokens_and_its_adapter_loads_in_plain_peft(tmp_path):
    pairs = pairs_of()
    history = training.train(pairs, SMALL, "all", RECIPE, 1, tmp_path / "seed-1", {"a": 1})
    assert set(history.columns) == set(TABLES["training"].schema.names)
    steps = history[history["split"] == "train"]
    # 6 traces of 3 pairs, 8 pairs a step are 3 traces: 2 steps an epoch, each pair twice in all.
    assert steps["pairs"].tolist() == [9, 9, 9, 9]
    assert steps["loss_positions"].sum() == 2 * 2 * 18
    assert history.query("split == 'held_out'")["pairs"].unique().tolist() == [6]
    assert steps["margin"].iloc[-1] > steps["margin"].iloc[0] == 0
    base = AutoModelForCausalLM.from_pretrained(SMALL).eval()
    ids = torch.arange(3, 20)[None]
    before = base(input_ids=ids).logits.detach()
    tuned = PeftModel.from_pretrained(base, tmp_path / "seed-1").eval()
    assert (tuned(input_ids=ids).logits - before).abs().max() > 1e-3
    record = json.loads((tmp_path / "seed-1/provenance.json").read_text())
    assert (record["pairs"], record["pairs_held_out"], record["loss_positions"]) == (18, 6, 72)
    assert record["steps"] == 4
    layers = json.loads((tmp_path / "seed-1/adapter_config.json").read_text())["target_modules"]
    assert layers == sorted(layers)  # peft has them in a set
    assert not (tmp_path / "seed-1.checkpoints").exists()


def test_without_pairs_the_adapter_changes_nothing_and_says_so(tmp_path):
    none = pairs_of()[:0]
    folder = tmp_path / "seed-1"
    history = training.train(none, SMALL, "audited", RECIPE, 1, folder, {}, base="owner/model")
    assert history.empty
    assert json.loads((folder / "provenance.json").read_text())["pairs"] == 0
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "owner/model"  # and no folder of this machine
    base = AutoModelForCausalLM.from_pretrained(SMALL).eval()
    ids = torch.arange(3, 20)[None]
    before = base(input_ids=ids).logits.detach()
    tuned = PeftModel.from_pretrained(base, tmp_path / "seed-1").eval()
    assert torch.equal(tuned(input_ids=ids).logits, before)


def test_an_end_of_sequence_doubles_the_loss_positions(tmp_path):
    recipe = replace(RECIPE, append_eos=True, epochs=1)
    history = training.train(pairs_of(), SMALL, "all", recipe, 1, tmp_path / "s", {})
    assert history.query("split == 'train'")["loss_positions"].sum() == 4 * 18
    weighted = pairs_of().assign(weight=0.5)
    with pytest.raises(ValueError, match=r"append_eos: needs training\.weights: pair"):
        training.train(weighted, SMALL, "all", recipe, 1, tmp_path / "t", {})


def responses_of(chosen, rejected):
    """Pairs of responses, which belong to no cliff."""
    pairs = pairs_of().assign(cliff_id=None)
    return pairs.assign(chosen_ids=[chosen] * len(pairs), rejected_ids=[rejected] * len(pairs))


def test_whole_responses_are_trained_on_every_token_of_both_sides(tmp_path):
    pairs = responses_of([5, 6, 1], [7, 1])
    recipe = replace(RECIPE, epochs=1)
    history = training.train(pairs, SMALL, "response", recipe, 1, tmp_path / "s", {})
    assert history.query("split == 'train'")["loss_positions"].sum() == 5 * 18


def test_cdpo_trains_on_whole_responses_with_critical_tokens_weighted(tmp_path):
    pairs = responses_of([9, 5, 1], [9, 7, 1])
    pairs["prompt_ids"] = [np.array([3, 4])] * len(pairs)
    history = training.train(pairs, SMALL, "cdpo", RECIPE, 1, tmp_path / "s", {})
    assert history.query("split == 'train'")["loss_positions"].sum() == 2 * 6 * 18
    assert history.query("split == 'held_out'")["margin"].iloc[-1] > 0


def test_a_tokenizer_without_an_end_cannot_have_it_appended(tmp_path):
    folder = shutil.copytree(SMALL, tmp_path / "mine")
    say(folder / "tokenizer_config.json", eos_token=None)
    recipe = replace(RECIPE, append_eos=True)
    with pytest.raises(
        ValueError, match=r"mine: training\.recipe\.append_eos: the tokenizer names"
    ):
        training.train(pairs_of(), str(folder), "all", recipe, 1, tmp_path / "s", {})


def test_cdpo_needs_no_token_for_padding(tmp_path):
    folder = shutil.copytree(SMALL, tmp_path / "mine")
    say(folder / "tokenizer_config.json", pad_token=None)
    pairs = responses_of([9, 5, 1], [9, 1])
    history = training.train(pairs, str(folder), "cdpo", RECIPE, 1, tmp_path / "s", {})
    assert history["loss"].notna().all()


def test_pairs_of_another_vocabulary_are_refused_by_both_numbers(tmp_path):
    pairs = pairs_of()
    pairs.at[0, "chosen_ids"] = [111]
    with pytest.raises(ValueError, match=r"testbed-small: .*vocab_size of 111, .* token id 111;"):
        training.train(pairs, SMALL, "all", RECIPE, 1, tmp_path / "s", {})


def test_a_model_that_lacks_weights_is_not_trained(tmp_path):
    folder = shutil.copytree(SMALL, tmp_path / "mine")
    change_weights(folder / "model.safetensors", lambda w: w.pop("model.norm.weight"))
    for variant in ("all", "cdpo"):
        with pytest.raises(ValueError, match=r"mine: the checkpoint lacks: model\.norm\.weight"):
            training.train(pairs_of(), str(folder), variant, RECIPE, 1, tmp_path / "s", {})


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
from helpers import dpo
from cliff_tokens.stages.training import train
from transformers import Trainer
wanted, save = {after}, Trainer._save_checkpoint
def save_and_die(self, model, trial):
    save(self, model, trial)
    if self.state.global_step == wanted:
        os._exit(9)
Trainer._save_checkpoint = save_and_die
train(dpo.pairs_of(), dpo.SMALL, "all", dpo.RECIPE, 1, {folder!r}, {{"a": 1}})
"""


def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_adapter(tmp_path):
    whole, cut = tmp_path / "whole/seed-1", tmp_path / "cut/seed-1"
    expected = training.train(pairs_of(), SMALL, "all", RECIPE, 1, whole, {"a": 1})
    program = KILLED.format(tests=str(ROOT / "tests"), after=2, folder=str(cut))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert done.returncode == 9, done.stderr.decode()
    checkpoints = cut.with_name("seed-1.checkpoints")
    assert training.last_checkpoint(checkpoints).endswith("checkpoint-2")
    # A checkpoint that was being written when the job ended is not gone on from.
    shutil.copytree(checkpoints / "checkpoint-2", checkpoints / "checkpoint-3")
    (checkpoints / "checkpoint-3/trainer_state.json").write_text('{"global_step":')
    found = training.train(pairs_of(), SMALL, "all", RECIPE, 1, cut, {"a": 1})
    pd.testing.assert_frame_equal(found, expected)
    name = "adapter_model.safetensors"
    assert (cut / name).read_bytes() == (whole / name).read_bytes()


def test_checkpoints_of_another_training_are_not_gone_on_from(tmp_path):
    folder = tmp_path / "seed-1"
    kept = training._checkpoints(folder, {"pairs": "a"})
    (kept / "checkpoint-1").mkdir()
    assert (training._checkpoints(folder, {"pairs": "a"}) / "checkpoint-1").exists()
    assert not (training._checkpoints(folder, {"pairs": "b"}) / "checkpoint-1").exists()


@pytest.mark.parametrize("left", [None, "", '{"pairs":'])
def test_checkpoints_that_do_not_say_whose_they_are_are_not_gone_on_from(tmp_path, left):
    kept = training._checkpoints(tmp_path / "seed-1", {"pairs": "a"})
    (kept / "checkpoint-1").mkdir()
    (kept / "made_by.json").unlink()
    if left is not None:
        (kept / "made_by.json").write_text(left)
    kept = training._checkpoints(tmp_path / "seed-1", {"pairs": "a"})
    assert not (kept / "checkpoint-1").exists()
