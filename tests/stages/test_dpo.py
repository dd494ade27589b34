"""The loss of Cliff-DPO: the contract with TRL, and gradients of both paths."""

import numpy as np
import pytest
import torch
import trl
from datasets import Dataset
from helpers.dpo import RECIPE, SMALL, pairs_of
from helpers.models import save_model
from helpers.repository import ROOT
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig

from cliff_tokens.stages.dpo import (
    SharedForwardDPOTrainer,
    SingleTokenDPOTrainer,
    WeightedCollator,
    WeightedDPOTrainer,
    by_trace,
    collate,
    token_logps,
    token_margins,
    with_reference,
)


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
    return perturbed(trainer_of(SingleTokenDPOTrainer, rows, folder))


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
    rows = with_reference(by_trace(pairs), base)
    assert len(rows) == 5
    assert sum(len(row["last"]) for row in rows) == 20
    trainers = {
        "stock": stock_trainer(pairs, tmp_path / "stock"),
        "shared": perturbed(trainer_of(SharedForwardDPOTrainer, rows, tmp_path / "shared")),
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


def small_ids(pairs):
    """The pairs with token ids of a tiny vocabulary."""
    sides = ["prompt_ids", "chosen_ids", "rejected_ids"]
    return pairs.assign(**{side: [np.asarray(ids) % 60 for ids in pairs[side]] for side in sides})


OWN_LOGITS = {
    "Qwen3Config": {},
    "GraniteConfig": {"logits_scaling": 8.0},
    "CohereConfig": {"logit_scale": 0.25},
    "Gemma2Config": {"final_logit_softcapping": 3.0, "head_dim": 8},
    "PhiConfig": {"num_key_value_heads": 4},  # whose last layer has a bias
    "GPT2Config": {"n_inner": 64},
}


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize(("config", "extra"), OWN_LOGITS.items(), ids=OWN_LOGITS)
def test_margins_are_those_of_the_models_own_logits(tmp_path, config, extra, adapted):
    save_model(tmp_path, config, **extra)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    pairs = small_ids(pairs_of(traces=4, each=4))
    rows = by_trace(pairs)
    if adapted:
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", lora_dropout=0))
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.2)
    batch = collate(rows)
    expected = {"chosen": [], "rejected": []}
    with torch.no_grad():
        for row in rows:
            logps = torch.log_softmax(model(torch.tensor([row["input_ids"]])).logits[0], -1)
            for side, found in expected.items():
                found += [logps[t, x].item() for t, x in zip(row["last"], row[side], strict=True)]
        margins, logps = token_margins(model, batch), token_logps(model, batch)
    assert np.abs(expected["chosen"]).max() > 0.5
    for side, found in expected.items():
        assert logps[side].tolist() == pytest.approx(found, abs=1e-4)
    differences = np.subtract(expected["chosen"], expected["rejected"])
    assert margins.tolist() == pytest.approx(differences, abs=1e-4)
    # The margin of a pass with gradients is the same, and its gradient reaches the weights.
    token_margins(model, batch).sum().backward()
    assert any(weight.grad is not None for weight in model.parameters())


def test_looking_at_how_a_model_makes_its_logits_draws_no_random_numbers(tmp_path):
    save_model(tmp_path, resid_pdrop=0.5, config="GPT2Config")
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    batch = collate(by_trace(small_ids(pairs_of(traces=2))))
    torch.manual_seed(0)
    first = token_margins(model.train(), batch)
    torch.manual_seed(0)
    assert torch.equal(token_margins(model, batch), first)


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path):
    pairs = pairs_of(traces=3)
    rows = with_reference(by_trace(pairs), AutoModelForCausalLM.from_pretrained(SMALL))
    trainer = trainer_of(SharedForwardDPOTrainer, rows, tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    batch["reference"][0] = torch.nan
    with pytest.raises(FloatingPointError, match=r"the loss is nan after 0 steps; lower training"):
        trainer.compute_loss(trainer.model.train(), batch)


def test_prefixes_that_are_not_nested_are_refused():
    pairs = pairs_of(traces=1)
    pairs.at[0, "prompt_ids"] = pairs.at[0, "prompt_ids"][::-1]
    with pytest.raises(ValueError, match=r"m/d/p0/0: prefixes of its pairs are not nested"):
        by_trace(pairs)


def test_weighted_responses_with_weights_of_one_have_the_loss_of_whole_responses(tmp_path):
    pairs = pairs_of(traces=3).assign(chosen_ids=[[5, 6, 1]] * 9, rejected_ids=[[7, 1]] * 9)
    ids = ["prompt_ids", "chosen_ids", "rejected_ids"]
    rows = [{key: [int(x) for x in row[key]] for key in ids} for row in pairs.to_dict("records")]
    stock = perturbed(trainer_of(SingleTokenDPOTrainer, rows, tmp_path / "stock"))
    batch = next(iter(stock.get_train_dataloader()))
    expected = stock.compute_loss(stock.model.train(), batch).item()
    weighted = perturbed(trainer_of(WeightedDPOTrainer, rows, tmp_path / "weighted"))
    found = {}
    for weight in (1.0, 0.5):
        examples = [{**row, "rejected_weights": [weight] * 2} for row in rows]
        batch = WeightedCollator(0)(examples)
        # Only tokens of rejected sides are weighted: 2 in each of 9 sequences.
        assert (batch["token_weights"] != 1).sum() == (18 if weight < 1 else 0)
        found[weight] = weighted.compute_loss(weighted.model.train(), batch).item()
    assert found[1.0] == pytest.approx(expected, abs=1e-6)
    assert found[0.5] != pytest.approx(expected, abs=1e-4)
    # What is logged is a mean over pairs, however they are batched.
    logged = []
    for parts in ((examples,), (examples[:2], examples[2:])):
        weighted._metrics["eval"].clear()
        for part in parts:
            weighted.compute_loss(weighted.model.eval(), WeightedCollator(0)(part))
        sums = {name: sum(values) for name, values in weighted._metrics["eval"].items()}
        logged.append({name: sums[name] / sums["sum/weight"] for name in sums})
    assert logged[0] == pytest.approx(logged[1], rel=1e-4)
