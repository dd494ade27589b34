"""Train a testbed model from scratch: a small Qwen3 on freshly written worked answers.

Examples are written afresh as training goes. Chains hardly ever repeat; the few hundred problems of
factors do, in other words. The loss is of examples before they are trained on. The result is an
ordinary Hugging Face checkpoint.
"""

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cliff_tokens.stages.generators import problems
from cliff_tokens.testbed import corpus, tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

logger = logging.getLogger(__name__)

_POOL = 16  # batches drawn at a time


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, up to floating-point arithmetic."""

    hidden: int  # width of the residual stream
    layers: int
    heads: int  # query heads; half as many key heads
    feed_forward: int  # inner width of the feed-forward layers
    steps: int
    batch: int  # examples of a step
    learning_rate: float  # the peak; after a warm-up it falls as a cosine to a 50th
    seed: int  # of the data and of the first weights
    factors_share: float  # share of problems that are of the generator factors, not chains
    habits: corpus.Habits

    @classmethod
    def from_dict(cls, entry: dict) -> "Recipe":
        """From an entry of ``config/testbed.yaml``."""
        return cls(**{**entry, "habits": corpus.Habits(**entry["habits"])})


def train(recipe: Recipe) -> tuple["Qwen3ForCausalLM", "PreTrainedTokenizerFast", float]:
    """The trained model, its tokenizer, and the mean loss (nats a token) of the last 100 steps."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    text_tokenizer = tokenizer.build()
    torch.manual_seed(recipe.seed)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(text_tokenizer),
            hidden_size=recipe.hidden,
            intermediate_size=recipe.feed_forward,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads // 2,  # two query heads share a key head
            head_dim=recipe.hidden // recipe.heads,
            max_position_embeddings=512,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=text_tokenizer.eos_token_id,
            pad_token_id=text_tokenizer.pad_token_id,
        )
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    warmup = min(200, recipe.steps // 10 + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / warmup,
            0.02 + 0.98 * (1 + math.cos(math.pi * step / recipe.steps)) / 2,
        ),
    )
    examples = _examples(recipe, text_tokenizer)
    losses = []
    model.train()
    for step in range(recipe.steps):
        ids, labels = next(examples)
        loss = _loss(model, ids, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            logger.info("step %d of %d: loss %.4f", step + 1, recipe.steps, np.mean(losses[-100:]))
    model.eval()
    return model, text_tokenizer, float(np.mean(losses[-100:]))


def _examples(recipe: Recipe, text_tokenizer: "PreTrainedTokenizerFast"):
    """Endless batches of (ids, labels), int64 [batch, length]; prompts and padding have -100."""
    import torch

    rng = np.random.default_rng(recipe.seed)
    streams = {name: problems(name, "corpus", rng) for name in ("chains", "factors")}
    assistant = text_tokenizer.convert_tokens_to_ids(tokenizer.ASSISTANT)
    while True:
        texts = []
        for _ in range(_POOL * recipe.batch):
            name = "factors" if rng.random() < recipe.factors_share else "chains"
            problem = next(streams[name])
            answer = corpus.write(problem, recipe.habits, rng)
            texts.append(
                f"{tokenizer.USER}{problem.question}{tokenizer.ASSISTANT}{answer}{tokenizer.END}"
            )
        texts.sort(key=len)  # batches of like lengths: a quarter less padding
        for row in rng.permutation(_POOL) * recipe.batch:
            batch = text_tokenizer(
                texts[row : row + recipe.batch],
                padding=True,
                padding_side="right",
                return_tensors="pt",
            )
            ids = batch["input_ids"]
            prompt = torch.cumsum(ids == assistant, dim=1) == 0
            ignored = prompt | (ids == assistant) | (batch["attention_mask"] == 0)
            yield ids, ids.masked_fill(ignored, -100)


def _loss(model: "Qwen3ForCausalLM", ids: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
    """Cross-entropy of the answers' tokens; padding stands on the right, so no mask is needed."""
    import torch

    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
