"""Training of Cliff-DPO: an adapter from pairs, with its history and its checkpoints.

The loss and its trainers are those of ``dpo.py``. A training that is stopped goes on from its last
checkpoint to the same adapter. (Paper, Cliff-DPO.)
"""

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cliff_tokens.columns import TABLES
from cliff_tokens.policies import check_ids, checkpoint

if TYPE_CHECKING:
    from peft import LoraConfig

    from cliff_tokens.stages.dpo import SingleTokenDPOTrainer

_HISTORY = TABLES["training"].schema.names
_SIDES = ("prompt_ids", "chosen_ids", "rejected_ids", "rejected_weights")
_PARTS = 4  # held-out pairs are measured, and a checkpoint is written, after each of these parts
_TOKENS = 2048  # of a pass: of a model of 135 M it takes some 2 MB for each, of 8 B by reckoning 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained, whatever its pairs.

    Values after "paper:" are those of ``config/paper.yaml``, from the released code where it has
    them; ``docs/dpo.md`` says how the default run's were chosen.

    Args:
        learning_rate: float > 0, the peak that the warm-up ends at (paper: 5e-6).
        beta: float > 0, factor of the log-ratios in the loss; larger keeps the model nearer to the
            reference (paper: 0.05).
        batch: int, pairs of a step. With one pass a trace it is their mean over steps, since a step
            takes whole traces (paper: 64, as 4 accumulated 16 times).
        epochs: int, passes over all pairs (paper: 1).
        warmup: float in [0, 1), share of all steps in which the learning rate rises from 0; it
            falls as a cosine after them (paper: 0.1).
        rank: int, inner dimension of the adapter's matrices (paper: 32).
        alpha: float, the adapter's output is scaled by alpha / rank (paper: 64).
        dropout: float in [0, 1), share of the adapter's inputs left out in a step (paper: 0.05).
        append_eos: bool, whether an end of sequence follows both tokens of a pair and carries loss,
            as in the released code; the paper's text trains one token a side (paper: false).
    """

    learning_rate: float
    beta: float
    batch: int
    epochs: int
    warmup: float
    rank: int
    alpha: float
    dropout: float
    append_eos: bool

    def lora(self) -> "LoraConfig":
        """The adapter: all linear layers but the last."""
        from peft import LoraConfig

        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )


def train(
    pairs: pd.DataFrame,
    model: str,
    variant: str,
    recipe: Recipe,
    seed: int,
    folder: str | Path,
    provenance: dict,
    base: str | None = None,
) -> pd.DataFrame:
    """Train an adapter, save it in ``folder`` and give its history: rows of the ``training`` table.

    Checkpoints lie beside the folder, and a training with equal ``provenance`` goes on from them.
    Without pairs to train on, the adapter is the untrained one, which changes nothing, and
    ``provenance.json`` says so.

    Args:
        pairs: rows of the table, of both splits.
        model: folder of the model that is trained, which is the reference too.
        variant: which pairs they are; of cdpo, tokens of the rejected side get weights first.
        recipe: how it is trained.
        seed: of the adapter's first weights, of the order of steps and of dropout.
        folder: where the adapter is put, with ``provenance.json``.
        provenance: what the adapter is made of, for the record.
        base: what the adapter calls the model; None for its folder, which names this machine's
            cache where the model is of the Hub.
    """
    import peft
    import torch
    import trl
    from transformers import set_seed

    folder = Path(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)  # as the engine: equal bytes, and faster on shared cores
    loaded = checkpoint.open_model(model, device)
    tokenizer = checkpoint.open_tokenizer(model)
    if variant == "cdpo" and (pairs["split"] == "train").any():
        pairs = _with_token_weights(pairs, model, tokenizer, recipe, seed, device)
    if recipe.append_eos and not _are_responses(pairs):
        if tokenizer.eos_token_id is None:
            raise ValueError(
                f"{model}: training.recipe.append_eos: the tokenizer names no end of sequence; "
                "expected eos_token in tokenizer_config.json, or append_eos: false"
            )
        pairs = _with_eos(pairs, tokenizer.eos_token_id)
    config = loaded.config.get_text_config()
    for side in ("prompt_ids", "chosen_ids", "rejected_ids"):
        check_ids(model, config.vocab_size, map(np.asarray, pairs[side]))
    positions = getattr(config, "max_position_embeddings", None)
    refuse_long(pairs, positions)
    checkpoint.check_angles(model, config, _longest(pairs))
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
        trainer = make_trainer(loaded, tokenizer, parts, recipe, seed, checkpoints)
        trainer.train(resume_from_checkpoint=last_checkpoint(checkpoints))
        tuned, state = trainer.model, trainer.state
        history = history_of(state.log_history, recipe.beta)
    else:
        logger.warning("%s: no pairs to train on; the adapter changes nothing", folder)
        set_seed(seed)
        tuned = peft.get_peft_model(loaded, recipe.lora())
    folder.mkdir(parents=True, exist_ok=True)
    for adapter in tuned.peft_config.values():
        adapter.target_modules = sorted(adapter.target_modules)  # of a set, in no order of its own
        adapter.base_model_name_or_path = base or model
    tuned.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # a form that peft leaves to be filled in
    record["steps"] = state.global_step if state else 0
    text = json.dumps(record, indent=2, sort_keys=True) + "\n"
    (folder / "provenance.json").write_text(text, encoding="utf-8")
    if state:
        # First what says whose they are: what a stopped removal leaves is not gone on from.
        (checkpoints / "made_by.json").unlink()
        shutil.rmtree(checkpoints)
    if device == "cuda":
        most = torch.cuda.max_memory_allocated() / 1e6
        logger.info("%s: at most %.0f MB of the GPU's memory", folder, most)
    return history


def make_trainer(
    model, tokenizer, parts: dict, recipe: Recipe, seed: int, folder: Path
) -> "SingleTokenDPOTrainer":
    """The trainer that pairs need: whole responses take a pass per side and pair.

    Args:
        model: the model as loaded, without an adapter.
        tokenizer: that of the model.
        parts: the pairs of the splits ``train`` and ``held_out``; the latter may have no rows.
        recipe: how it is trained.
        seed: of the adapter's first weights, of the order of steps and of dropout.
        folder: where checkpoints are written.
    """
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import DPOConfig

    from cliff_tokens.stages import dpo

    shared = not (_are_responses(parts["train"]) or recipe.append_eos)
    if shared:
        rows = {name: dpo.with_reference(dpo.by_trace(part), model) for name, part in parts.items()}
        size = max(1, round(recipe.batch * len(rows["train"]) / len(parts["train"])))
        longest = max(len(row["input_ids"]) for row in rows["train"])
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
        size, longest = recipe.batch, 2 * _longest(parts["train"])
    steps_of_part = -(-recipe.epochs * -(-len(rows["train"]) // size) // _PARTS)
    rows = {name: Dataset.from_list(part) if part else None for name, part in rows.items()}
    args = DPOConfig(
        output_dir=str(folder),
        beta=recipe.beta,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=recipe.warmup,
        num_train_epochs=recipe.epochs,
        **passes(size, longest),
        per_device_eval_batch_size=8 if shared else 1,  # of responses TRL logs means over batches
        max_length=None,  # TRL would cut silently; refuse_long does not
        remove_unused_columns=False,
        seed=seed,
        use_cpu=model.device.type == "cpu",
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        eval_strategy="steps" if rows["held_out"] else "no",
        eval_steps=steps_of_part,
        eval_on_start=rows["held_out"] is not None,
        save_strategy="steps",
        save_steps=steps_of_part,
        save_total_limit=2,
        disable_tqdm=True,
        report_to=[],
    )
    kind, collator = dpo.PairwiseDPOTrainer, None
    if shared:
        kind = dpo.SharedForwardDPOTrainer
    elif "rejected_weights" in parts["train"]:
        kind, collator = dpo.WeightedDPOTrainer, dpo.WeightedCollator(tokenizer.pad_token_id or 0)
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


def passes(size: int, longest: int) -> dict[str, int]:
    """Settings of a trainer that takes a step of ``size`` rows in equal passes that fit in memory.

    A pass holds at most ``_TOKENS`` tokens, of rows as long as the longest, and at least one row.
    """
    rows = max(
        n for n in range(1, size + 1) if size % n == 0 and n * longest <= max(_TOKENS, longest)
    )
    return {
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": size // rows,
    }


def refuse_long(pairs: pd.DataFrame, context: int | None) -> None:
    """Refuse pairs that the model cannot take whole: nothing is ever cut.

    ``context`` is the number of positions that the model has; None sets no limit.
    """
    for row in pairs.itertuples():
        length = len(row.prompt_ids) + max(len(row.chosen_ids), len(row.rejected_ids))
        if context and length > context:
            raise ValueError(
                f"{row.trace_id}: a pair at token {row.t} has {length} tokens, but the model has "
                f"{context} positions; leave the trace out or lower the data set's max_tokens"
            )


def _longest(pairs: pd.DataFrame) -> int:
    """Tokens of the longest text, prompt and one side."""
    prompts = pairs["prompt_ids"].map(len)
    lengths = [prompts + pairs[side].map(len) for side in ("chosen_ids", "rejected_ids")]
    return max((int(one.max()) for one in lengths if len(one)), default=0)


def history_of(log: list[dict], beta: float) -> pd.DataFrame:
    """Rows of the ``training`` table from the entries that a trainer has logged.

    ``beta`` turns TRL's rewards back into log-ratios.
    """
    rows = []
    for entry in log:
        for split, prefix in (("train", ""), ("held_out", "eval_")):
            if f"{prefix}pairs" not in entry:
                continue
            logged = {key.removeprefix(prefix): value for key, value in entry.items()}
            weight = logged["sum/weight"]
            row = {name: logged.get(name) for name in _HISTORY}
            row |= {"split": split, "step": entry["step"], "loss": logged["sum/loss"] / weight}
            if "sum/margin" in logged:
                for name in ("margin", "accuracy", "logp_chosen", "logp_rejected"):
                    if f"sum/{name}" in logged:
                        row[name] = logged[f"sum/{name}"] / weight
            else:
                row |= {
                    "margin": logged["rewards/margins"] / beta,
                    "accuracy": logged["rewards/accuracies"],
                    "logp_chosen": logged["logps/chosen"],
                    "logp_rejected": logged["logps/rejected"],
                }
            rows.append(row)
    frame = pd.DataFrame(rows, columns=_HISTORY)
    # A resumed training measures the held-out pairs of its checkpoint again.
    return frame.drop_duplicates(["split", "step"], ignore_index=True)


def last_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that was written to its end, by its state, which is the last file."""
    whole = [
        path.parent for path in folder.glob("checkpoint-*/trainer_state.json") if _is_json(path)
    ]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _is_json(path: Path) -> bool:
    """Whether a file holds all of a json value, which one that was being written does not."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _checkpoints(folder: Path, provenance: dict) -> Path:
    """The folder of checkpoints beside the adapter's, emptied if it is another training's."""
    checkpoints = folder.with_name(f"{folder.name}.checkpoints")
    made_by, identity = checkpoints / "made_by.json", json.dumps(provenance, sort_keys=True)
    if not made_by.is_file() or made_by.read_text(encoding="utf-8") != identity:
        if checkpoints.exists():
            shutil.rmtree(checkpoints)
        checkpoints.mkdir(parents=True)
        made_by.write_text(identity, encoding="utf-8")
    return checkpoints


def _are_responses(pairs: pd.DataFrame) -> bool:
    """Whether these are pairs of responses; those of one variant are all alike."""
    return bool(pairs["cliff_id"].isna().all())


def _with_eos(pairs: pd.DataFrame, eos: int) -> pd.DataFrame:
    """The pairs with an end of sequence after both tokens."""
    sides = {name: [[*ids, eos] for ids in pairs[name]] for name in ("chosen_ids", "rejected_ids")}
    return pairs.assign(**sides)


def _with_token_weights(
    pairs: pd.DataFrame, model, tokenizer, recipe: Recipe, seed: int, device: str
) -> pd.DataFrame:
    """The pairs with a weight for each rejected token, from models tuned on the train split."""
    from cliff_tokens.stages.token_weights import token_weights

    train = pairs[pairs["split"] == "train"]
    weights = token_weights(
        list(zip(pairs["prompt_ids"], pairs["rejected_ids"], strict=True)),
        list(zip(train["prompt_ids"], train["chosen_ids"], strict=True)),
        list(zip(train["prompt_ids"], train["rejected_ids"], strict=True)),
        model,
        tokenizer,
        recipe.lora(),
        learning_rate=recipe.learning_rate,
        num_train_epochs=recipe.epochs,
        **passes(recipe.batch, _longest(pairs)),
        seed=seed,
        use_cpu=device == "cpu",
    )
    return pairs.assign(rejected_weights=weights)


def _positions(pairs: pd.DataFrame) -> int:
    """Tokens that carry loss, both sides."""
    return int(sum(pairs["chosen_ids"].map(len)) + sum(pairs["rejected_ids"].map(len)))
