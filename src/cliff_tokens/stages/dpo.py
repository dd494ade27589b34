"""The loss of Cliff-DPO on pairs that are token ids already: trainers and their batches.

With c the chosen and r the rejected token after one prefix, the loss of a pair is

    -log sigmoid(beta ((log p(c) - log p_ref(c)) - (log p(r) - log p_ref(r)))).

Both sides share prefix and normalizer, so the difference of log-probabilities is that of two
logits, z_c - z_r, at one position: the last of the prefix. Pairs of one trace have nested prefixes,
so one forward pass over the trace serves all of them (``SharedForwardDPOTrainer``); a pass per side
and pair is what TRL does by itself, and what whole responses need (``PairwiseDPOTrainer``,
``WeightedDPOTrainer``).

The loop, its logs and its checkpoints are TRL's. What is overridden of TRL is private to it, so the
version is pinned and tests/stages/test_dpo.py fails loudly where it moves.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import logsigmoid
from trl import DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference


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
    """A pass per side and pair, counted: whole responses, and pairs with an end of sequence."""

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
class WeightedCollator(DataCollatorForPreference):
    """TRL's batch with ``token_weights`` [sequences, longest]: 1 for all but rejected tokens."""

    def torch_call(self, examples):
        batch = super().torch_call(examples)
        weights = torch.ones(batch["input_ids"].shape)
        for row, example in enumerate(examples, start=len(examples)):
            start, values = len(example["prompt_ids"]), example["rejected_weights"]
            weights[row, start : start + len(values)] = torch.tensor(values)
        return batch | {"token_weights": weights}


class SharedForwardDPOTrainer(_CountingDPOTrainer):
    """The loss of single tokens with one forward pass over a trace for all pairs in it.

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
    """A row for each trace with the pairs in it.

    Keys: ``input_ids``, the longest prefix of the pairs; and with a value for each pair ``last``
    (place of its prefix's last token), ``chosen``, ``rejected`` (token ids) and ``weight``.
    """
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
    """A batch of rows: input_ids [traces, longest], zeros on the right; all else is [pairs].

    ``row`` says which of the rows a pair is in.
    """
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
    """The rows with ``reference``: margins of the model as it is, before it has an adapter.

    ``size`` rows run at once.
    """
    with_margins = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        batch = {name: value.to(model.device) for name, value in collate(part).items()}
        margins = token_margins(model, batch).tolist()
        for row in part:
            count = len(row["last"])
            with_margins.append({**row, "reference": margins[:count]})
            margins = margins[count:]
    return with_margins
