"""Cliff-DPO: adapters trained on pairs that are token ids already (paper, Cliff-DPO).

With c the chosen and r the rejected token after one prefix, the loss of a pair is

    -log sigmoid(beta ((log p(c) - log p_ref(c)) - (log p(r) - log p_ref(r)))).

Both sides share prefix and normalizer, so the difference of log-probabilities is that of two
logits, z_c - z_r, at one position: the last of the prefix. Pairs of one trace have nested prefixes,
so one forward pass over the trace serves all of them (``SharedForwardDPOTrainer``); a pass per side
and pair is what TRL does by itself, and what whole responses need (``SingleTokenDPOTrainer``).

The loop, its logs and its checkpoints are TRL's. What is overridden of TRL is private to it, so the
version is pinned and tests/test_training.py fails loudly where it moves.
"""

import json
import logging
import resource
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import peft
import torch
import trl
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from torch.nn.functional import logsigmoid
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, set_seed
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from cliff_tokens import tables
from cliff_tokens.stages import token_weights as contrast
from cliff_tokens.stages.pairs import RESPONSES

_HISTORY = tables.TABLES["training"].schema.names
_SIDES = ("prompt_ids", "chosen_ids", "rejected_ids", "rejected_weights")
_PARTS = 4  # held-out pairs are measured, and a checkpoint is written, after each of these parts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained; ``config/README.md`` explains each value."""

    learning_rate: float
    beta: float
    batch: int
    epochs: int
    warmup: float
    rank: int
    alpha: float
    dropout: float
    append_eos: bool

    def lora(self) -> LoraConfig:
        """The adapter: all linear layers but the last."""
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )


class SingleTokenDPOTrainer(DPOTrainer):
    """DPO on pairs that are token ids already: prompt_ids, chosen_ids, rejected_ids.

    Every id of the two sides carries loss and nothing else does, so a side of one token has one
    loss position.
    """

    def _prepare_dataset(self, dataset, *args, **kwargs):
        return dataset  # TRL would decode, tokenize again and append an end of sequence


class _CountingDPOTrainer(SingleTokenDPOTrainer):
    """Logs how many pairs and loss positions there were, where TRL would log means of batches."""

    def log(self, logs, start_time=None):
        for metrics in self._metrics.values():
            for name in {"pairs", "loss_positions"} & set(metrics):
                metrics[name] = [sum(metrics[name])]
        super().log(logs, start_time)


class PairwiseDPOTrainer(_CountingDPOTrainer):
    """The same, counted: for whole responses, and for pairs with an end of sequence."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["pairs"].append(len(inputs["input_ids"]) // 2)
        metrics["loss_positions"].append(int(inputs["completion_mask"].sum()))
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        metrics["sum/loss"].append(loss.item())
        metrics["sum/weight"].append(1.0)
        return loss


class WeightedDPOTrainer(_CountingDPOTrainer):
    """cDPO: whole responses, the rejected one's log-ratio weighted token by token."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        ids, mask = inputs["input_ids"], inputs["completion_mask"][:, 1:]
        policy = self._logps(model, inputs)
        with torch.no_grad(), self.model.disable_adapter():
            reference = self._logps(self.model, inputs)
        weighted = (policy - reference) * mask * inputs["token_weights"][:, 1:]
        chosen, rejected = weighted.sum(dim=1).chunk(2)
        loss = -logsigmoid(self.beta * (chosen - rejected)).mean()
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["pairs"].append(len(ids) // 2)
        metrics["loss_positions"].append(int(mask.sum()))
        metrics["sum/weight"].append(1.0)
        metrics["sum/loss"].append(loss.item())
        metrics["sum/margin"].append((chosen - rejected).mean().item())
        metrics["sum/accuracy"].append((chosen > rejected).float().mean().item())
        sums = (policy.detach() * mask).sum(dim=1).chunk(2)
        for side, logp in zip(("chosen", "rejected"), sums, strict=True):
            metrics[f"sum/logp_{side}"].append(logp.mean().item())
        return loss

    def _logps(self, model, inputs) -> torch.Tensor:
        """Log-probability of every token but the first, [sequences, longest - 1]."""
        ids, attended = inputs["input_ids"], inputs["attention_mask"]
        logits = model(input_ids=ids, attention_mask=attended, use_cache=False).logits[:, :-1]
        return torch.log_softmax(logits.float(), -1).gather(2, ids[:, 1:, None])[..., 0]


@dataclass
class _WeightedCollator(DataCollatorForPreference):
    """TRL's batch with ``token_weights`` [sequences, longest]: 1 for all but rejected tokens."""

    def torch_call(self, examples):
        batch = super().torch_call(examples)
        weights = torch.ones(batch["input_ids"].shape)
        for row, example in enumerate(examples, start=len(examples)):
            start, values = len(example["prompt_ids"]), example["rejected_weights"]
            weights[row, start : start + len(values)] = torch.tensor(values)
        return batch | {"token_weights": weights}


class SharedForwardDPOTrainer(_CountingDPOTrainer):
    """The same loss for single tokens, one forward pass over a trace for all pairs in it.

    Rows are traces (``by_trace``) with their pairs and the reference's margins. The loss of a step
    is the weighted sum over its pairs, divided by the mean weight of a step, so that over an epoch
    every pair counts by its weight however pairs are spread over traces. In evaluation it is the
    weighted mean.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "data_collator": collate})
        if self.accelerator.num_processes > 1:
            raise NotImplementedError("training: runs in one process; start one for each adapter")
        rows, size = len(self.train_dataset), self.args.per_device_train_batch_size
        weights = sum(map(sum, self.train_dataset["weight"]))
        self.weight_of_step = weights / -(-rows // size) if rows else 1.0

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        training = self.model.training
        margin = token_margins(model, inputs)
        weight = inputs["weight"]
        loss = -(weight * logsigmoid(self.beta * (margin - inputs["reference"]))).sum()
        with torch.no_grad():
            ratio = margin - inputs["reference"]
            metrics = self._metrics["train" if training else "eval"]
            metrics["pairs"].append(len(weight))
            metrics["loss_positions"].append(2 * len(weight))
            metrics["sum/loss"].append(loss.item())
            metrics["sum/weight"].append(weight.sum().item())
            metrics["sum/margin"].append((weight * ratio).sum().item())
            metrics["sum/accuracy"].append((weight * (ratio > 0)).sum().item())
            if not training:
                for side, logp in token_logps(model, inputs).items():
                    metrics[f"sum/logp_{side}"].append((weight * logp).sum().item())
        return loss / (self.weight_of_step if training else weight.sum())


def by_trace(pairs: pd.DataFrame) -> list[dict]:
    """A row for each trace: its longest prefix, and of each pair the place of its prefix's last
    token, the two tokens and the weight."""
    rows = []
    for trace_id, group in pairs.sort_values(["trace_id", "t", "pair_id"]).groupby("trace_id"):
        prefixes = [np.asarray(ids) for ids in group["prompt_ids"]]
        longest = max(prefixes, key=len)
        if not all(np.array_equal(longest[: len(ids)], ids) for ids in prefixes):
            raise ValueError(f"{trace_id}: prefixes of its pairs are not nested; build them again")
        sides = {name: list(group[f"{name}_ids"]) for name in ("chosen", "rejected")}
        if any(len(ids) != 1 for side in sides.values() for ids in side):
            raise ValueError(f"{trace_id}: a side of a pair is not one token; expected one")
        rows.append(
            {
                "input_ids": longest.tolist(),
                "last": [len(ids) - 1 for ids in prefixes],
                **{name: [int(ids[0]) for ids in side] for name, side in sides.items()},
                "weight": group["weight"].tolist(),
            }
        )
    return rows


def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
    """input_ids [traces, longest], zeros on the right; all else [pairs], ``row`` the trace's."""
    ids = torch.zeros((len(rows), max(len(row["input_ids"]) for row in rows)), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
    batch = {"input_ids": ids}
    batch["row"] = torch.tensor([i for i, row in enumerate(rows) for _ in row["last"]])
    for name in ("last", "chosen", "rejected"):
        batch[name] = torch.tensor([value for row in rows for value in row[name]])
    for name in ("weight", "reference"):
        if name in rows[0]:
            values = [value for row in rows for value in row[name]]
            batch[name] = torch.tensor(values, dtype=torch.float32)
    return batch


def _hidden(model, inputs: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Last hidden state after each pair's prefix [pairs, width], and the head [vocabulary, width].

    Padding stands on the right, where causal attention does not reach, so no mask is needed.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = inner.get_output_embeddings()
    if getattr(head, "bias", None) is not None:
        raise NotImplementedError(f"training: {type(inner).__name__} has a bias in its last layer")
    hidden = inner.base_model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
    return hidden[inputs["row"], inputs["last"]].float(), head.weight


def token_margins(model, inputs: dict) -> torch.Tensor:
    """z_c - z_r after each pair's prefix, float32 [pairs]; the normalizer cancels."""
    hidden, head = _hidden(model, inputs)
    return (hidden * (head[inputs["chosen"]] - head[inputs["rejected"]]).float()).sum(-1)


def token_logps(model, inputs: dict) -> dict[str, torch.Tensor]:
    """Log-probabilities of both tokens of each pair, float32 [pairs]."""
    hidden, head = _hidden(model, inputs)
    logps = torch.log_softmax(hidden @ head.float().T, dim=-1)
    return {side: logps.gather(1, inputs[side][:, None])[:, 0] for side in ("chosen", "rejected")}


@torch.no_grad()
def with_reference(rows: list[dict], model, size: int = 8) -> list[dict]:
    """The rows with the margins of the model as it is, before it has an adapter."""
    found = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        batch = {name: value.to(model.device) for name, value in collate(part).items()}
        margins = token_margins(model, batch).tolist()
        for row in part:
            count = len(row["last"])
            found.append({**row, "reference": margins[:count]})
            margins = margins[count:]
    return found


def train(
    pairs: pd.DataFrame,
    model: str,
    variant: str,
    recipe: Recipe,
    seed: int,
    folder: str | Path,
    provenance: dict,
) -> pd.DataFrame:
    """Train an adapter, save it in ``folder`` and give its history: rows of the ``training`` table.

    Checkpoints lie beside the folder, and a training with the same ``provenance`` goes on from
    them. Without pairs to train on, the adapter is the untrained one, which changes nothing, and
    ``provenance.json`` says so. ``cost.json`` holds what may differ from run to run.
    """
    started, folder = time.perf_counter(), Path(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)  # as the engine: equal bytes, and faster on shared cores
    loaded = AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.bfloat16 if device == "cuda" else torch.float32
    ).to(device)
    tokenizer = AutoTokenizer.from_pretrained(model)
    if variant == "cdpo" and (pairs["split"] == "train").any():
        pairs = _with_token_weights(pairs, model, tokenizer, recipe, seed, device)
    if recipe.append_eos and variant not in RESPONSES:
        pairs = _with_eos(pairs, tokenizer.eos_token_id)
    refuse_long(pairs, loaded.config.get_text_config().max_position_embeddings)
    parts = {name: pairs[pairs["split"] == name] for name in ("train", "held_out")}
    record = {
        "variant": variant,
        "seed": seed,
        "recipe": asdict(recipe),
        "pairs": len(parts["train"]),
        "pairs_held_out": len(parts["held_out"]),
        "loss_positions": _positions(parts["train"]) * recipe.epochs,
        "libraries": {library.__name__: library.__version__ for library in (trl, peft)},
        "made_by": provenance,
    }
    state, history = None, pd.DataFrame(columns=_HISTORY)
    if len(parts["train"]):
        checkpoints = _checkpoints(folder, provenance)
        trainer = make_trainer(loaded, tokenizer, parts, variant, recipe, seed, checkpoints)
        trainer.train(resume_from_checkpoint=last_checkpoint(checkpoints))
        tuned, state = trainer.model, trainer.state
        history = history_of(state.log_history, recipe.beta)
    else:
        logger.warning("%s: no pairs to train on; the adapter changes nothing", folder)
        set_seed(seed)
        tuned = get_peft_model(loaded, recipe.lora())
    folder.mkdir(parents=True, exist_ok=True)
    tuned.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # a form that peft leaves to be filled in
    cost = {
        "seconds": time.perf_counter() - started,
        "peak_memory_bytes": _peak(device),
        "steps": state.global_step if state else 0,
        "pairs": record["pairs"],
        "loss_positions": record["loss_positions"],
    }
    (folder / "cost.json").write_text(json.dumps(cost, indent=2) + "\n")
    (folder / "provenance.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    if state:
        shutil.rmtree(checkpoints)
    return history


def make_trainer(
    model, tokenizer, parts: dict, variant: str, recipe: Recipe, seed: int, folder: Path
) -> SingleTokenDPOTrainer:
    """The trainer of a variant on the parts train and held_out of its pairs."""
    shared = variant not in RESPONSES and not recipe.append_eos
    if shared:
        rows = {name: with_reference(by_trace(part), model) for name, part in parts.items()}
        size = max(1, round(recipe.batch * len(rows["train"]) / len(parts["train"])))
    else:
        if not np.all(parts["train"]["weight"] == 1):
            raise ValueError("training.recipe.append_eos: needs training.weights: pair")
        columns = [name for name in _SIDES if name in parts["train"]]
        rows = {
            name: [
                {key: np.asarray(row[key]).tolist() for key in columns}
                for row in part[columns].to_dict("records")
            ]
            for name, part in parts.items()
        }
        size = recipe.batch
    part = -(-recipe.epochs * -(-len(rows["train"]) // size) // _PARTS)
    rows = {name: Dataset.from_list(found) if found else None for name, found in rows.items()}
    args = DPOConfig(
        output_dir=str(folder),
        beta=recipe.beta,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=recipe.warmup,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=size,
        per_device_eval_batch_size=size,
        max_length=None,  # TRL would cut silently; refuse_long does not
        remove_unused_columns=False,
        seed=seed,
        use_cpu=model.device.type == "cpu",
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        eval_strategy="steps" if rows["held_out"] else "no",
        eval_steps=part,
        eval_on_start=rows["held_out"] is not None,
        save_strategy="steps",
        save_steps=part,
        save_total_limit=2,
        disable_tqdm=True,
        report_to=[],
    )
    kind, collator = PairwiseDPOTrainer, None
    if shared:
        kind = SharedForwardDPOTrainer
    elif variant == "cdpo":
        kind, collator = WeightedDPOTrainer, _WeightedCollator(tokenizer.pad_token_id)
    trainer = kind(
        model=model,
        args=args,
        data_collator=collator,
        train_dataset=rows["train"],
        eval_dataset=rows["held_out"],
        processing_class=tokenizer,
        peft_config=recipe.lora(),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def refuse_long(pairs: pd.DataFrame, context: int) -> None:
    """An error for a pair that the model cannot take whole: nothing is ever cut."""
    for row in pairs.itertuples():
        length = len(row.prompt_ids) + max(len(row.chosen_ids), len(row.rejected_ids))
        if length > context:
            raise ValueError(
                f"{row.trace_id}: a pair at token {row.t} has {length} tokens, but the model has "
                f"{context} positions; leave the trace out or lower the data set's max_tokens"
            )


def history_of(log: list[dict], beta: float) -> pd.DataFrame:
    """Rows of the ``training`` table from what the trainer has logged."""
    rows = []
    for entry in log:
        for split, prefix in (("train", ""), ("held_out", "eval_")):
            if f"{prefix}pairs" not in entry:
                continue
            found = {key.removeprefix(prefix): value for key, value in entry.items()}
            weight = found["sum/weight"]
            row = {name: found.get(name) for name in _HISTORY}
            row |= {"split": split, "step": entry["step"], "loss": found["sum/loss"] / weight}
            if "sum/margin" in found:
                for name in ("margin", "accuracy", "logp_chosen", "logp_rejected"):
                    if f"sum/{name}" in found:
                        row[name] = found[f"sum/{name}"] / weight
            else:
                row |= {
                    "margin": found["rewards/margins"] / beta,
                    "accuracy": found["rewards/accuracies"],
                    "logp_chosen": found["logps/chosen"],
                    "logp_rejected": found["logps/rejected"],
                }
            rows.append(row)
    frame = pd.DataFrame(rows, columns=_HISTORY)
    # A resumed training measures the held-out pairs of its checkpoint again.
    return frame.drop_duplicates(["split", "step"], ignore_index=True)


def last_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that was written to its end; its state is the last file."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _checkpoints(folder: Path, provenance: dict) -> Path:
    """The folder of checkpoints beside the adapter's, emptied if it is another training's."""
    found = folder.with_name(f"{folder.name}.checkpoints")
    identity = json.dumps(provenance, sort_keys=True)
    if found.exists() and (found / "made_by.json").read_text() != identity:
        shutil.rmtree(found)
    found.mkdir(parents=True, exist_ok=True)
    (found / "made_by.json").write_text(identity)
    return found


def _with_eos(pairs: pd.DataFrame, eos: int) -> pd.DataFrame:
    """The pairs with an end of sequence after both tokens."""
    sides = {name: [[*ids, eos] for ids in pairs[name]] for name in ("chosen_ids", "rejected_ids")}
    return pairs.assign(**sides)


def _with_token_weights(
    pairs: pd.DataFrame, model, tokenizer, recipe: Recipe, seed: int, device: str
) -> pd.DataFrame:
    """The pairs with the weights of each rejected token; only pairs of the train split teach."""
    taught = pairs[pairs["split"] == "train"]
    weights = contrast.token_weights(
        list(zip(pairs["prompt_ids"], pairs["rejected_ids"], strict=True)),
        list(zip(taught["prompt_ids"], taught["chosen_ids"], strict=True)),
        list(zip(taught["prompt_ids"], taught["rejected_ids"], strict=True)),
        model,
        tokenizer,
        recipe.lora(),
        learning_rate=recipe.learning_rate,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        seed=seed,
        use_cpu=device == "cpu",
    )
    return pairs.assign(rejected_weights=weights)


def _positions(pairs: pd.DataFrame) -> int:
    """Tokens that carry loss, both sides."""
    return int(sum(pairs["chosen_ids"].map(len)) + sum(pairs["rejected_ids"].map(len)))


def _peak(device: str) -> int:
    """Most memory that this process held: of the GPU where there is one."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
