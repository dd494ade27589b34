"""Training: the contract with TRL, gradients of both paths, resumption, and what is saved."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import trl
from datasets import Dataset
from helpers.repository import ROOT
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig

from cliff_tokens.stages import training
from cliff_tokens.tables import TABLES

SMALL = str(ROOT / "resources/testbed/testbed-small")
RECIPE = training.Recipe(
    learning_rate=1e-3, beta=0.3, batch=8, epochs=2, warmup=0.1, rank=4, alpha=8, dropout=0.1,
    append_eos=False,
)  # fmt: skip


def pairs_of(traces=8, each=3, length=30, seed=0) -> pd.DataFrame:
    """Pairs at nested prefixes of random traces; the last two problems are held out."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(traces):
        ids = rng.integers(3, 110, length)
        for t in rng.choice(np.arange(5, length + 1), each, replace=False):
            chosen, rejected = rng.choice(np.arange(3, 110), 2, replace=False)
            rows.append(
                {
                    "pair_id": f"m/d/p{number}/0@{t}/{chosen}",
                    "trace_id": f"m/d/p{number}/0",
                    "t": int(t),
                    "prompt_ids": ids[: t - 1],
                    "chosen_ids": [int(chosen)],
                    "rejected_ids": [int(rejected)],
                    "weight": 1.0,
                    "split": "held_out" if number >= traces - 2 else "train",
                }
            )
    return pd.DataFrame(rows)


def perturbed(trainer):
    """The trainer, its adapter moved away from the reference, the same way each time."""
    torch.manual_seed(1)
    for name, weight in trainer.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return trainer


def trainer_of(kind, rows, folder):
    """A trainer of one batch with all rows, no dropout."""
    args = DPOConfig(
        output_dir=str(folder), beta=RECIPE.beta, per_device_train_batch_size=len(rows),
        max_length=None, use_cpu=True, bf16=False, gradient_checkpointing=False, report_to=[],
        remove_unused_columns=False,
    )  # fmt: skip
    return kind(
        model=AutoModelForCausalLM.from_pretrained(SMALL, dtype=torch.float32),
        args=args,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(SMALL),
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )


def stock_trainer(pairs, folder):
    """TRL's own path on token ids: a pass per side and pair."""
    ids = ["prompt_ids", "chosen_ids", "rejected_ids"]
    rows = [
        {key: [int(token) for token in row[key]] for key in ids} for row in pairs.to_dict("records")
    ]
    return perturbed(trainer_of(training.SingleTokenDPOTrainer, rows, folder))


def logp_by_hand(model, prefix, token) -> float:
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([list(map(int, prefix))]), use_cache=False).logits
    return torch.log_softmax(logits[0, -1].double(), -1)[token].item()


def test_trl_is_the_version_whose_private_method_is_overridden():
    assert trl.__version__ == "1.16.0", "read DPOTrainer._prepare_dataset and compute_loss again"
    lock = (ROOT / "requirements.lock").read_text()
    assert "trl==1.16.0\n" in lock


def test_the_loss_is_that_of_two_tokens_at_one_position(tmp_path):
    pairs = pairs_of(traces=3)
    trainer = stock_trainer(pairs, tmp_path)
    model = trainer.model.eval()
    batch = next(iter(trainer.get_train_dataloader()))
    # One position a side: two completions, one token each.
    assert batch["completion_mask"].sum(dim=1).tolist() == [1] * (2 * len(pairs))
    ratios = []
    for row in pairs.itertuples():
        sides = []
        for side in (row.chosen_ids, row.rejected_ids):
            policy = logp_by_hand(model, row.prompt_ids, side[0])
            with model.disable_adapter():
                sides.append(policy - logp_by_hand(model, row.prompt_ids, side[0]))
        ratios.append(sides[0] - sides[1])
    assert np.abs(ratios).max() > 0.01  # the policy is away from the reference
    expected = np.mean(np.log1p(np.exp(-RECIPE.beta * np.array(ratios))))
    model.train()
    assert trainer.compute_loss(model, batch).item() == pytest.approx(expected, abs=1e-6)


def test_one_pass_over_a_trace_gives_the_gradients_of_a_pass_per_side_and_pair(tmp_path):
    pairs = pairs_of(traces=5, each=4)
    base = AutoModelForCausalLM.from_pretrained(SMALL)
    rows = training.with_reference(training.by_trace(pairs), base)
    assert len(rows) == 5
    assert sum(len(row["last"]) for row in rows) == 20
    trainers = {
        "stock": stock_trainer(pairs, tmp_path / "stock"),
        "shared": perturbed(
            trainer_of(training.SharedForwardDPOTrainer, rows, tmp_path / "shared")
        ),
    }
    found = {}
    for name, trainer in trainers.items():
        batch = next(iter(trainer.get_train_dataloader()))
        trainer.compute_loss(trainer.model.train(), batch).backward()
        found[name] = {
            key: weight.grad
            for key, weight in trainer.model.named_parameters()
            if weight.grad is not None
        }
    assert found["stock"].keys() == found["shared"].keys()
    for name, expected in found["stock"].items():
        scale = expected.abs().max().clamp(min=1e-3)
        assert ((found["shared"][name] - expected).abs().max() / scale) < 1e-5, name


def test_weights_scale_gradients_and_an_epoch_counts_every_pair_once(tmp_path):
    pairs = pairs_of(traces=4, each=2).assign(split="train")
    model = AutoModelForCausalLM.from_pretrained(SMALL)
    parts = {"train": pairs.assign(weight=0.5), "held_out": pairs[:0]}
    tokenizer = AutoTokenizer.from_pretrained(SMALL)
    trainer = training.make_trainer(model, tokenizer, parts, "all", RECIPE, 1, tmp_path)
    losses = [
        trainer.compute_loss(trainer.model.train(), batch).item()
        for batch in trainer.get_train_dataloader()
    ]
    # An untrained adapter has a loss of log 2 for each pair, whatever the weight's unit.
    assert np.mean(losses) == pytest.approx(np.log(2), abs=1e-6)


def test_prefixes_that_are_not_nested_are_refused():
    pairs = pairs_of(traces=1)
    pairs.at[0, "prompt_ids"] = pairs.at[0, "prompt_ids"][::-1]
    with pytest.raises(ValueError, match=r"m/d/p0/0: prefixes of its pairs are not nested"):
        training.by_trace(pairs)


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
    assert not (tmp_path / "seed-1.checkpoints").exists()


def test_without_pairs_the_adapter_changes_nothing_and_says_so(tmp_path):
    none = pairs_of()[:0]
    history = training.train(none, SMALL, "audited", RECIPE, 1, tmp_path / "seed-1", {})
    assert history.empty
    assert json.loads((tmp_path / "seed-1/provenance.json").read_text())["pairs"] == 0
    base = AutoModelForCausalLM.from_pretrained(SMALL).eval()
    ids = torch.arange(3, 20)[None]
    before = base(input_ids=ids).logits.detach()
    tuned = PeftModel.from_pretrained(base, tmp_path / "seed-1").eval()
    assert torch.equal(tuned(input_ids=ids).logits, before)


def test_an_end_of_sequence_doubles_the_loss_positions(tmp_path):
    recipe = training.Recipe(**{**RECIPE.__dict__, "append_eos": True, "epochs": 1})
    history = training.train(pairs_of(), SMALL, "all", recipe, 1, tmp_path / "s", {})
    assert history.query("split == 'train'")["loss_positions"].sum() == 4 * 18
    weighted = pairs_of().assign(weight=0.5)
    with pytest.raises(ValueError, match=r"append_eos: needs training\.weights: pair"):
        training.train(weighted, SMALL, "all", recipe, 1, tmp_path / "t", {})


def test_whole_responses_are_trained_on_every_token_of_both_sides(tmp_path):
    pairs = pairs_of().assign(chosen_ids=[[5, 6, 1]] * 24, rejected_ids=[[7, 1]] * 24)
    recipe = training.Recipe(**{**RECIPE.__dict__, "epochs": 1})
    history = training.train(pairs, SMALL, "response", recipe, 1, tmp_path / "s", {})
    assert history.query("split == 'train'")["loss_positions"].sum() == 5 * 18


def test_weighted_responses_with_weights_of_one_have_the_loss_of_whole_responses(tmp_path):
    pairs = pairs_of(traces=3).assign(chosen_ids=[[5, 6, 1]] * 9, rejected_ids=[[7, 1]] * 9)
    ids = ["prompt_ids", "chosen_ids", "rejected_ids"]
    rows = [{key: [int(x) for x in row[key]] for key in ids} for row in pairs.to_dict("records")]
    stock = perturbed(trainer_of(training.SingleTokenDPOTrainer, rows, tmp_path / "stock"))
    batch = next(iter(stock.get_train_dataloader()))
    expected = stock.compute_loss(stock.model.train(), batch).item()
    weighted = perturbed(trainer_of(training.WeightedDPOTrainer, rows, tmp_path / "weighted"))
    found = {}
    for weight in (1.0, 0.5):
        examples = [{**row, "rejected_weights": [weight] * 2} for row in rows]
        batch = training._WeightedCollator(0)(examples)
        # Only tokens of rejected sides are weighted: 2 in each of 9 sequences.
        assert (batch["token_weights"] != 1).sum() == (18 if weight < 1 else 0)
        found[weight] = weighted.compute_loss(weighted.model.train(), batch).item()
    assert found[1.0] == pytest.approx(expected, abs=1e-6)
    assert found[0.5] != pytest.approx(expected, abs=1e-4)


def test_cdpo_weighs_tokens_of_incorrect_responses_by_a_contrast_of_two_tuned_models(tmp_path):
    # Correct responses end in 5, incorrect ones in 7, after the same first token.
    pairs = pairs_of().assign(chosen_ids=[[9, 5, 1]] * 24, rejected_ids=[[9, 7, 1]] * 24)
    pairs["prompt_ids"] = [np.array([3, 4])] * 24
    recipe = training.Recipe(**{**RECIPE.__dict__, "epochs": 8, "learning_rate": 1e-2})
    tokenizer = AutoTokenizer.from_pretrained(SMALL)
    weighted = training._with_token_weights(pairs, SMALL, tokenizer, recipe, 1, "cpu")
    first, decisive, _ = weighted["rejected_weights"].iloc[0]
    assert 0 <= first < decisive <= 1
    assert decisive > 0.9
    history = training.train(pairs, SMALL, "cdpo", RECIPE, 1, tmp_path / "s", {})
    assert history.query("split == 'train'")["loss_positions"].sum() == 2 * 6 * 18
    assert history.query("split == 'held_out'")["margin"].iloc[-1] > 0


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
import test_training as t
from transformers import Trainer
wanted, save = {after}, Trainer._save_checkpoint
def save_and_die(self, model, trial):
    save(self, model, trial)
    if self.state.global_step == wanted:
        os._exit(9)
Trainer._save_checkpoint = save_and_die
t.training.train(t.pairs_of(), t.SMALL, "all", t.RECIPE, 1, {folder!r}, {{"a": 1}})
"""


def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_adapter(tmp_path):
    whole, cut = tmp_path / "whole/seed-1", tmp_path / "cut/seed-1"
    expected = training.train(pairs_of(), SMALL, "all", RECIPE, 1, whole, {"a": 1})
    program = KILLED.format(tests=str(Path(__file__).parent), after=2, folder=str(cut))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert done.returncode == 9, done.stderr.decode()
    checkpoints = cut.with_name("seed-1.checkpoints")
    assert training.last_checkpoint(checkpoints).endswith("checkpoint-2")
    # A checkpoint that was being written when the job ended is not gone on from.
    shutil.copytree(checkpoints / "checkpoint-2", checkpoints / "checkpoint-3")
    (checkpoints / "checkpoint-3/trainer_state.json").unlink()
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
