"""Weights of response tokens for the rival cDPO (Lin et al., arXiv 2411.19943).

Two copies of the model are tuned, one on correct and one on incorrect responses. Where the two
agree a token says little about the outcome; where the copy tuned on incorrect responses finds it
more probable, the token is critical. With p and q the next-token distributions of the copies tuned
on correct and on incorrect responses, contrastive estimation scores

    s_t = softmax((1 + a) log p - a log q)(x_t)

and a token of an incorrect response weighs 1 - s_t in its log-ratio. Tokens of the correct response
weigh 1. The idea is that of Lin et al.; the tuning here is an adapter of the variants' shape, with
their learning rate, batch and epochs.
"""

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cliff_tokens.policies import checkpoint

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig
    from transformers import PreTrainedTokenizerBase

STRENGTH = 1.0  # a of the formula; our choice

Response = tuple[Sequence[int], Sequence[int]]  # prompt_ids, response_ids


def token_weights(
    responses: Sequence[Response],
    correct: Sequence[Response],
    incorrect: Sequence[Response],
    model: str,
    tokenizer: "PreTrainedTokenizerBase",
    adapter: "LoraConfig",
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
    import torch

    tuned = [
        _tune(examples, model, tokenizer, adapter, settings) for examples in (correct, incorrect)
    ]
    weights = []
    for prompt, response in responses:
        log_p, log_q = (_log_probabilities(one, prompt, response) for one in tuned)
        scores = torch.softmax((1 + STRENGTH) * log_p - STRENGTH * log_q, dim=-1)
        s = scores[torch.arange(len(response)), torch.tensor(list(map(int, response)))]
        weights.append((1 - s).numpy())
    return weights


def _tune(examples, model, tokenizer, adapter, settings):
    """The model with an adapter that makes these responses more probable."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    loaded = checkpoint.open_model(model, device)
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
            completion_only_loss=True,  # TRL would tune on prompts as well, whatever the mask
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


def _log_probabilities(model, prompt, response) -> "torch.Tensor":
    """Before each token of the response, float32 [tokens, vocabulary]."""
    import torch

    ids = torch.tensor([[int(token) for token in (*prompt, *response)]], device=model.device)
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits.float().cpu(), dim=-1)
