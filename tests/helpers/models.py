"""Tiny checkpoints with random weights, and a tokenizer of words, as strangers bring them."""

import json
from pathlib import Path

VOCABULARY = 64


def save_model(folder, config="Qwen3Config", seed=0, **extra) -> str:
    """A model of two layers in ``folder``; ``extra`` are fields of its configuration class."""
    import torch
    import transformers

    fields = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "initializer_range": 0.25,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    described = getattr(transformers, config)(**{**fields, **extra})
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(described)
    with torch.no_grad():
        # Normalizations and biases start at one or zero; training leaves them elsewhere.
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(folder)
    return str(folder)


def say(path, **said) -> None:
    """Set keys of a JSON file; None takes one away."""
    path = Path(path)
    all_said = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    all_said = {key: value for key, value in (all_said | said).items() if value is not None}
    path.write_text(json.dumps(all_said), encoding="utf-8")


def change_weights(file, change) -> None:
    """Rewrite a safetensors file with what ``change`` makes of its mapping of weights."""
    from safetensors.torch import load_file, save_file

    weights = {name: weight.clone() for name, weight in load_file(file).items()}
    change(weights)
    save_file(weights, file, {"format": "pt"})


def save_tokenizer(
    folder, template=None, eos="<end>", special=("<pad>", "<end>", "<user>"), size=VOCABULARY
):
    """A tokenizer of words in ``folder``: the special ones, then letters and w0, w1 ..."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = [*special, "<unk>", *"abcdefghij?"]
    tokens += [f"w{number}" for number in range(size - len(tokens))]
    words = Tokenizer(models.WordLevel({token: k for k, token in enumerate(tokens)}, "<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token=eos,
        unk_token="<unk>",
        additional_special_tokens=[one for one in special if one not in ("<pad>", eos)],
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return tokenizer
