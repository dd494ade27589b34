"""Weights of response tokens for the rival cDPO (Lin et al., arXiv 2411.19943).

Two copies of the model are tuned, one on correct and one on incorrect responses. Where the two
agree a token says little about the outcome; where the one tuned on incorrect responses likes it
better, it is critical. With p and q their next-token distributions, contrastive estimation scores

    s_t = softmax((1 + a) log p - a log q)(x_t)

and a token of an incorrect response weighs 1 - s_t in its log-ratio. Tokens of the correct response
weigh 1. The idea is that of Lin et al.; the tuning here is an adapter by the variants' recipe.
"""

import tempfile
from collections.abc import Sequence

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase, PrinterCallback
from trl import SFTConfig, SFTTrainer

STRENGTH = 1.0  # a; ours

Response = tuple[Sequence[int], Sequence[int]]  # prompt_ids, response_ids


def token_weights(
    responses: Sequence[Response],
    correct: Sequence[Response],
    incorrect: Sequence[Response],
    model: str,
    tokenizer: PreTrainedTokenizerBase,
    adapter: LoraConfig,
    **settings,
) -> list[np.ndarray]:
    """1 - s_t of each token, an array for each response.

    Args:
        responses: those whose tokens are weighted.
        correct: what one copy of the model is tuned on.
        incorrect: what the other is tuned on.
        model: folder of the model.
        tokenizer: that of the model.
        adapter: the adapter that each copy is tuned by.
        settings: further ones of TRL's SFTConfig, such as the learning rate.
    """
    tuned = [
        _tune(examples, model, tokenizer, adapter, settings) for examples in (correct, incorrect)
    ]
    weights = []
    for prompt, response in responses:
        liked, disliked = (_log_probabilities(one, prompt, response) for one in tuned)
        score = torch.softmax((1 + STRENGTH) * liked - STRENGTH * disliked, dim=-1)
        own = score[torch.arange(len(response)), torch.tensor(list(map(int, response)))]
        weights.append((1 - own).numpy())
    return weights


def _tune(examples, model, tokenizer, adapter, settings):
    """The model with an adapter that makes these responses more probable."""
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype="auto")
    rows = [
        {
            "input_ids": [int(token) for token in (*prompt, *response)],
            "completion_mask": [0] * len(prompt) + [1] * len(response),
        }
        for prompt, response in examples
    ]
    with tempfile.TemporaryDirectory() as folder:
        args = SFTConfig(
            output_dir=folder,
            max_length=None,
            save_strategy="no",
            disable_tqdm=True,
            report_to=[],
            bf16=False,
            gradient_checkpointing=False,
            **settings,
        )
        trainer = SFTTrainer(
            model=loaded,
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=adapter,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return trainer.model.eval()


@torch.no_grad()
def _log_probabilities(model, prompt, response) -> torch.Tensor:
    """Before each token of the response, float32 [tokens, vocabulary]."""
    ids = torch.tensor([[int(token) for token in (*prompt, *response)]], device=model.device)
    logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits.float().cpu(), dim=-1)
