"""A model's folder: the one place through which it is opened, and what is refused of it.

Only configuration, safetensors and a tokenizer are read. Code of the folder's own never runs and
nothing is unpickled. What a loader would warn of and go on with (weights that are missing, left
over, of another shape, or not finite) is an error that names the file and the weight.
"""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_REFUSED = {
    "quantization_config": "the weights are quantized; expected float16, bfloat16 or float32",
    "transformers_weights": f"another file of weights is named; expected {WEIGHTS} or {INDEX}",
}
_OWN_CODE = "auto_map: the model names code of its own, which is never run"
_ANSWER = "\ue000"  # stands for an answer: a character of private use, which no template writes


def open_config(model: str | Path) -> "PreTrainedConfig":
    """The configuration of a model's folder; an error says what the folder lacks or may not say."""
    from transformers import CONFIG_MAPPING, AutoConfig

    folder = Path(model)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"{model}: no checkpoint there; expected a folder with config.json and {WEIGHTS}"
        )
    if (folder / "adapter_config.json").exists():
        raise ValueError(
            f"{folder / 'adapter_config.json'}: the folder of a model holds an adapter, which "
            "would be applied or not, depending on who reads it; merge it or take it out"
        )
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        said = read_json(folder / name)
        for part in (said, said.get("text_config") or {}):
            if not isinstance(part, dict):
                raise ValueError(f"{folder / name}: text_config: expected a mapping, found {part}")
            for key in filter(part.get, _REFUSED):
                raise ValueError(f"{folder / name}: {key}: {_REFUSED[key]}")
    said = read_json(folder / "config.json")
    if said.get("auto_map"):
        if said.get("model_type") not in CONFIG_MAPPING:
            raise ValueError(
                f"{folder / 'config.json'}: {_OWN_CODE}; expected a model_type that transformers "
                f"has, found {said.get('model_type')!r}"
            )
        logger.warning(
            "%s: %s; it is opened as transformers has %s",
            folder / "config.json", _OWN_CODE, said["model_type"],
        )  # fmt: skip
    try:
        return AutoConfig.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # each configuration class checks its fields in its own way
        raise ValueError(f"{folder / 'config.json'}: cannot be used: {error}") from error


def check_angles(model: str | Path, config: "PreTrainedConfig", longest: int) -> None:
    """Refuse rotary angles that depend on the longest text of a pass, in texts of such a length.

    What runs beside a text would change its logits, and engines read such angles differently.
    ``longest`` is the number of tokens of the longest text there can be.
    """
    text = config.get_text_config()
    rope = getattr(text, "rope_parameters", None) or {}
    for part in (rope, *(inner for inner in rope.values() if isinstance(inner, dict))):
        kind, start = part.get("rope_type"), 0
        if kind == "longrope":  # up to here they are fixed
            start = part.get("original_max_position_embeddings") or getattr(
                text, "original_max_position_embeddings", 0
            )
        if kind in ("dynamic", "longrope") and longest > start:
            raise NotImplementedError(
                f"{model}: config.json asks for rope_type {kind}: beyond {start} tokens what runs "
                "beside a text changes its logits"
            )


def open_model(
    model: str | Path, device: str, adapter: str | Path | None = None, dtype: str | None = None
) -> "PreTrainedModel":
    """The model on a device, in evaluation mode.

    ``adapter`` is the folder of a LoRA adapter that is merged into the weights, or None. ``dtype``
    is the precision, "float32" or "bfloat16"; None takes float32 on the CPU, bfloat16 on CUDA.
    """
    import torch

    dtype = dtype or ("float32" if device == "cpu" else "bfloat16")
    loaded = _load(model, device, getattr(torch, dtype))
    if adapter is not None:
        loaded = apply_adapter(loaded, str(model), Path(adapter)).merge_and_unload()
    return loaded.eval()


def check_model(model: str | Path, adapter: str | Path | None = None) -> "PreTrainedModel":
    """The model without its weights (device meta); refuses what ``open_model`` refuses."""
    import torch

    loaded = _load(model, "meta", torch.bfloat16)
    if adapter is not None:
        apply_adapter(loaded, str(model), Path(adapter))
    return loaded


def apply_adapter(loaded: "PreTrainedModel", model: str, adapter: Path) -> "PeftModel":
    """The model with an adapter beside its weights; refuses what would fit in part.

    ``model`` is what errors call it.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    weights = adapter / "adapter_model.safetensors"
    if not weights.is_file() or not (adapter / "adapter_config.json").is_file():
        raise FileNotFoundError(
            f"{adapter}: no adapter there; expected a folder with adapter_config.json and "
            "adapter_model.safetensors"
        )
    refuse_not_finite(weights)
    try:
        tuned = PeftModel.from_pretrained(
            loaded, adapter, low_cpu_mem_usage=loaded.device.type == "meta"
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{adapter}: not an adapter of {model}: {error}") from error
    with safe_open(weights, "pt") as stored:
        apart = set(stored.keys()) ^ set(get_peft_model_state_dict(tuned))
    if apart:
        # peft would leave out what has no place and start what is missing from zero.
        raise ValueError(f"{adapter}: not an adapter of {model}: it differs in {min(apart)}")
    return tuned


def open_tokenizer(model: str | Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a model's folder; an error says what the folder lacks."""
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    if not _has_tokenizer(model):
        raise FileNotFoundError(
            f"{model}: no tokenizer there; expected tokenizer.json and tokenizer_config.json"
        )
    said = read_json(Path(model) / "tokenizer_config.json")
    template, file = said.get("chat_template"), Path(model, "chat_template.jinja")
    if template and file.is_file() and template != file.read_text(encoding="utf-8"):
        raise ValueError(
            f"{file}: tokenizer_config.json has another chat_template; expected one of the two"
        )
    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # the parsers of tokenizers raise the base class itself
        if (words := Path(model, "tokenizer.json")).is_file():
            try:
                Tokenizer.from_file(str(words))
            except Exception as fault:  # as above
                raise ValueError(f"{words}: not a tokenizer: {fault}") from fault
        raise ValueError(f"{model}: its tokenizer cannot be opened: {error}") from error


def special_ids(tokenizer: "PreTrainedTokenizerBase") -> set[int]:
    """Ids of the tokens that are markup and no text: the named ones and those added as special."""
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(token for token, how in added if how.special)}


def stops(model: str | Path, vocabulary: int) -> np.ndarray:
    """The tokens that end a response, int64 in ascending order: all that the folder names.

    They are the end-of-sequence tokens of generation_config.json, of config.json and of the
    tokenizer, and the special token that the chat template writes after an answer. ``vocabulary``
    is the number of tokens that the model knows.
    """
    folder, found = Path(model), {}
    for name in ("generation_config.json", "config.json"):
        said = read_json(folder / name)
        for place, part in (("", said), ("text_config.", said.get("text_config") or {})):
            found |= dict.fromkeys(_ids(part.get("eos_token_id"), folder / name), (name, place))
    if _has_tokenizer(folder):
        tokenizer = open_tokenizer(folder)
        _refuse_larger(tokenizer, folder, vocabulary)
        ends = (tokenizer.eos_token_id, *_named_ends(tokenizer, folder), _end_of_turn(tokenizer))
        found |= {end: ("the tokenizer", "") for end in ends if end is not None}
    for end, (name, place) in found.items():
        if not 0 <= end < vocabulary:
            raise ValueError(
                f"{folder}: {name} has the {place}eos_token_id {end}, but config.json has a "
                f"vocab_size of {vocabulary}; expected one of its tokens"
            )
    if not found:
        raise ValueError(
            f"{model}: no token ends a response: expected eos_token_id in generation_config.json "
            "or config.json, or eos_token in tokenizer_config.json"
        )
    return np.asarray(sorted(found), dtype=np.int64)


def _load(model, device: str, dtype: "torch.dtype") -> "PreTrainedModel":
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
    from transformers.utils.logging import disable_progress_bar

    config = open_config(model)
    kind = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    declared = config.architectures or []
    if kind is None or (declared and kind.__name__ not in declared):
        raise ValueError(
            f"{model}/config.json: a {', '.join(declared) or config.model_type} predicts no next "
            f"token; expected {kind.__name__ if kind else 'a decoder that transformers has'}"
        )
    files = _weights(Path(model))
    for file in files:
        refuse_not_finite(file)
    disable_progress_bar()  # of weights that load in an instant, or on a terminal that has our bar
    try:
        loaded, report = AutoModelForCausalLM.from_pretrained(
            model,
            config=config,
            dtype=dtype,
            device_map="meta" if device == "meta" else None,
            # Not what config.json may ask for, which can be code from the Hub.
            attn_implementation="sdpa" if kind._supports_sdpa else "eager",
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they are reported, and refused below
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise ValueError(f"{model}: transformers cannot open it: {error}") from error
    faults = {
        "lacks": sorted(report["missing_keys"]),
        "has besides what the model takes": sorted(report["unexpected_keys"]),
        "has in another shape than config.json says": sorted(
            key for key, *_ in report["mismatched_keys"]
        ),
    }
    for fault, names in faults.items():
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(
                f"{model}: the checkpoint {fault}: {names[0]}{more}; expected the weights of a "
                f"{type(loaded).__name__}"
            )
    _refuse_untied(loaded, files)
    return loaded if device == "meta" else loaded.to(device)


def _weights(folder: Path) -> list[Path]:
    """The files of weights that are read: one, or the shards that the index names."""
    index, single = folder / INDEX, folder / WEIGHTS
    if index.is_file():
        if single.is_file():
            raise ValueError(f"{folder}: holds both {WEIGHTS} and {INDEX}; expected one of them")
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise ValueError(f"{index}: expected a weight_map of weights to files")
        files = [folder / name for name in sorted(set(shards.values()))]
    else:
        files = [single]
    found = sorted(folder.glob("*.safetensors"))
    others = [path.name for path in found if path not in files]
    for file in files:
        if not file.is_file():
            pickled = [path.name for path in sorted(folder.glob("*.bin"))]
            there = f"; found {', '.join(others + pickled)}" if others + pickled else ""
            why = ", and pickled weights are not read" if pickled else ""
            raise FileNotFoundError(f"{file}: no such file{there}{why}")
    if others and not index.is_file():
        raise ValueError(
            f"{folder}: holds {', '.join(others)} beside {WEIGHTS}; expected {INDEX}, which says "
            "which of them are the model's"
        )
    return files


def refuse_not_finite(file: str | Path) -> None:
    """Refuse a safetensors file that cannot be read, or whose weights are no finite floats."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as stored:
            for name in stored.keys():  # noqa: SIM118, it is no mapping
                weight = stored.get_tensor(name)
                if not (weight.is_floating_point() or name.endswith("weight")):
                    continue  # a mask or positions, which are no parameters
                if weight.dtype not in (torch.float32, torch.float16, torch.bfloat16):
                    raise ValueError(
                        f"{file}: {name}: {weight.dtype}; expected float32, float16 or bfloat16"
                    )
                if not weight.isfinite().all():
                    raise ValueError(f"{file}: {name}: holds numbers that are not finite")
    except SafetensorError as error:
        raise ValueError(f"{file}: not a whole safetensors file: {error}") from error


def _refuse_untied(loaded, files: list[Path]) -> None:
    """Refuse two different weights that config.json says are one: readers keep different ones."""
    import torch
    from safetensors import safe_open

    stored = {}
    for file in files:
        with safe_open(file, "pt") as weights:
            stored |= dict.fromkeys(weights.keys(), file)

    def read(name):
        with safe_open(stored[name], "pt") as weights:
            return weights.get_tensor(name)

    tied = loaded.get_expanded_tied_weights_keys(all_submodels=True)
    for one, other in tied.items():
        if one in stored and other in stored and not torch.equal(read(one), read(other)):
            raise ValueError(
                f"{stored[one]}: {one} differs from {other}, but config.json says "
                "tie_word_embeddings: true; expected false, or equal weights"
            )


def _has_tokenizer(model: str | Path) -> bool:
    return any((Path(model) / name).is_file() for name in _TOKENIZERS)


def _refuse_larger(tokenizer, folder: Path, vocabulary: int) -> None:
    """Refuse ordinary tokens that the model does not know; unused special ones are common."""
    largest = max(set(tokenizer.get_vocab().values()) - special_ids(tokenizer), default=-1)
    if largest >= vocabulary:
        raise ValueError(
            f"{folder}: its tokenizer has tokens up to id {largest}, but config.json has a "
            f"vocab_size of {vocabulary}; expected the tokenizer that the model was trained with"
        )


def _named_ends(tokenizer, folder: Path) -> list[int]:
    """The ends that files of the tokenizer name, of which it may have kept another's.

    One that its vocabulary lacks is refused: it would be made a new token, which no model writes.
    """
    file, ends = folder / "tokenizer.json", []
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        said = read_json(folder / name)
        token = said.get("eos_token")
        token = token.get("content") if isinstance(token, dict) else token
        if token is None:
            continue
        known = [json.dumps(said.get("added_tokens_decoder"), ensure_ascii=False)]
        known += [file.read_text(encoding="utf-8")] if file.is_file() else []
        written = (json.dumps(token), json.dumps(token, ensure_ascii=False))
        if len(known) > 1 and not any(one in text for one in written for text in known):
            raise ValueError(f"{folder / name}: eos_token: {token!r} is not in tokenizer.json")
        ends.append(tokenizer.convert_tokens_to_ids(token))
    return ends


def _end_of_turn(tokenizer) -> int | None:
    """The special token that the chat template writes after an answer, if it does."""
    from jinja2 import TemplateError

    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _ANSWER}]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False)
    except (TemplateError, ValueError, TypeError):  # none, or one that takes no such turns
        return None
    after = text.rpartition(_ANSWER)[2].lstrip() if _ANSWER in text else ""
    first = tokenizer(after, add_special_tokens=False)["input_ids"][:1]
    return first[0] if first and first[0] in special_ids(tokenizer) else None


def _ids(value, path: Path) -> list[int]:
    """Token ids as a configuration writes them: none, one or a list."""
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if any(type(one) is not int for one in ids):
        raise ValueError(f"{path}: eos_token_id: expected a token id or a list, found {value!r}")
    return ids


def read_json(path: Path) -> dict:
    """The mapping that a file of a model holds; an empty one if the file is not there."""
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if not isinstance(said, dict):
        raise ValueError(f"{path}: expected a mapping of keys to values, found {type(said)}")
    return said
