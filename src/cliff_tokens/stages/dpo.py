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

import inspect
import weakref
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

    def _finite(self, loss: torch.Tensor) -> float:
        """The loss as a number; one that is not finite ends the training, where logs hide it."""
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"training: the loss is {loss.item()} after {self.state.global_step} steps; lower "
                "training.recipe.learning_rate"
            )
        return loss.item()


class PairwiseDPOTrainer(_CountingDPOTrainer):
    """A pass per side and pair, counted: whole responses, and pairs with an end of sequence."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        metrics = self._metrics["train" if self.model.training else "eval"]
        pairs = len(inputs["input_ids"]) // 2
        metrics["pairs"].append(pairs)
        metrics["loss_positions"].append(int(inputs["completion_mask"].sum()))
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        metrics["sum/loss"].append(pairs * self._finite(loss))
        metrics["sum/weight"].append(float(pairs))
        return loss


class WeightedDPOTrainer(_CountingDPOTrainer):
    """cDPO: whole responses, the rejected one's log-ratio weighted token by token."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        mask = inputs["completion_mask"][:, 1:]
        policy = self._logps(model, inputs)
        with torch.no_grad(), self.model.disable_adapter():
            reference = self._logps(self.model, inputs)
        weighted = (policy - reference) * mask * inputs["token_weights"][:, 1:]
        chosen, rejected = weighted.sum(dim=1).chunk(2)
        loss = -logsigmoid(self.beta * (chosen - rejected)).mean()
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["pairs"].append(len(chosen))
        metrics["loss_positions"].append(int(mask.sum()))
        metrics["sum/weight"].append(float(len(chosen)))
        metrics["sum/loss"].append(len(chosen) * self._finite(loss))
        metrics["sum/margin"].append((chosen - rejected).sum().item())
        metrics["sum/accuracy"].append((chosen > rejected).float().sum().item())
        sums = (policy.detach() * mask).sum(dim=1).chunk(2)
        for side, logp in zip(("chosen", "rejected"), sums, strict=True):
            metrics[f"sum/logp_{side}"].append(logp.sum().item())
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
        # The trainer counts the passes of each step anew: the last one of an epoch has fewer.
        self.current_gradient_accumulation_steps = self.args.gradient_accumulation_steps
        size = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        rows = len(self.train_dataset)
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
            metrics["sum/loss"].append(self._finite(loss))
            metrics["sum/weight"].append(weight.sum().item())
            metrics["sum/margin"].append((weight * ratio).sum().item())
            metrics["sum/accuracy"].append((weight * (ratio > 0)).sum().item())
            if not training:
                for side, logp in token_logps(model, inputs).items():
                    metrics[f"sum/logp_{side}"].append((weight * logp).sum().item())
        if not training:
            return loss / weight.sum()
        # Of a step's passes the trainer takes the mean, where this is a sum.
        return loss * self.current_gradient_accumulation_steps / self.weight_of_step


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


def token_margins(model, inputs: dict) -> torch.Tensor:
    """z_c - z_r after each pair's prefix, float32 [pairs]; the normalizer cancels.

    Padding stands on the right, where causal attention does not reach, so no mask is needed.
    """
    inner = _inner(model)
    chosen, rejected = inputs["chosen"], inputs["rejected"]
    if _is_plain(inner):  # two rows of the last layer are enough
        head = inner.get_output_embeddings().weight
        return (_hidden(inner, inputs) * (head[chosen].float() - head[rejected].float())).sum(-1)
    logits = _logits(inner, inputs)
    return (logits.gather(1, chosen[:, None]) - logits.gather(1, rejected[:, None]))[:, 0]


def token_logps(model, inputs: dict) -> dict[str, torch.Tensor]:
    """Log-probabilities of both tokens of each pair, float32 [pairs]."""
    logps = next_logps(model, inputs)
    return {side: logps.gather(1, inputs[side][:, None])[:, 0] for side in ("chosen", "rejected")}


def next_logps(model, inputs: dict) -> torch.Tensor:
    """Log-probabilities of all tokens after each pair's prefix, float32 [pairs, vocabulary]."""
    inner = _inner(model)
    if _is_plain(inner):
        logits = _hidden(inner, inputs) @ inner.get_output_embeddings().weight.float().T
    else:
        logits = _logits(inner, inputs)
    return torch.log_softmax(logits, dim=-1)


def _inner(model):
    """The model itself, also where an adapter lies around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _hidden(inner, inputs: dict) -> torch.Tensor:
    """Last hidden state after each pair's prefix, float32 [pairs, width]."""
    hidden = inner.base_model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
    return hidden[inputs["row"], inputs["last"]].float()


def _logits(inner, inputs: dict) -> torch.Tensor:
    """The model's own logits after each pair's prefix, float32 [pairs, vocabulary]."""
    kept, place = torch.unique(inputs["last"], return_inverse=True)
    if "logits_to_keep" in inspect.signature(inner.forward).parameters:
        logits = inner(input_ids=inputs["input_ids"], use_cache=False, logits_to_keep=kept).logits
    else:
        logits, place = inner(input_ids=inputs["input_ids"], use_cache=False).logits, inputs["last"]
    return logits[inputs["row"], place].float()


_PLAIN = weakref.WeakKeyDictionary()  # models -> what _is_plain found


def _is_plain(inner) -> bool:
    """Whether logits are the last hidden state times the last layer's weights and nothing else.

    Models scale or cap their logits, scale what they are made from, or add to them. A look at all
    three in one short pass shows it, and to the last bit, as caps hardly change small logits.
    """
    if inner not in _PLAIN:
        base, head, seen = inner.base_model, inner.get_output_embeddings(), {}
        if head is None or base is inner or getattr(head, "bias", None) is not None:
            _PLAIN[inner] = False
            return False
        hooks = [
            base.register_forward_hook(lambda _, __, out: seen.update(hidden=out[0])),
            head.register_forward_hook(lambda _, given, out: seen.update(given=given[0], out=out)),
        ]
        ids = torch.arange(2, device=inner.device)[None]
        devices = [inner.device] if inner.device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices):  # of dropout
            logits = inner(input_ids=ids, use_cache=False).logits
        for hook in hooks:
            hook.remove()
        parts = {"hidden", "given", "out"} <= seen.keys()
        _PLAIN[inner] = (
            parts
            and type(head) is torch.nn.Linear
            and torch.equal(seen["hidden"], seen["given"])
            and torch.equal(seen["out"], logits)
        )
    return _PLAIN[inner]


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
