"""From a GGUF file to a model's folder: dequantized once, to single precision.

transformers reads the file; what it would fill in, leave out or guess is refused here. The folder
appears whole or not at all.
"""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cliff_tokens.policies import checkpoint

if TYPE_CHECKING:
    from gguf import GGUFReader
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

_SPARE = 2**26  # bytes beside the weights: tokenizer and configuration


class GgufError(ValueError):
    """A GGUF file that cannot become a model's folder, or no room for one."""


def convert(file: str | Path, folder: str | Path) -> None:
    """Write the model of a GGUF file to ``folder``, in float32, with tokenizer and chat template.

    Raises GgufError where the file is damaged, of an architecture that transformers does not read,
    without weights that the model needs, or with a tokenizer that comes out as another.
    """
    file, folder = Path(file), Path(folder)
    described = _read(file)
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}.unfinished-"
    for left in folder.parent.glob(f"{prefix}*"):  # by an attempt that was killed
        shutil.rmtree(left)
    _refuse_full(described, folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as unfinished:
        _save(file, described, Path(unfinished, "model"))
        checkpoint.check_model(Path(unfinished, "model"))
        if folder.exists():
            shutil.rmtree(folder)
        Path(unfinished, "model").replace(folder)
    logger.info("%s: converted to %s", file, folder)


def _read(file: Path) -> "GGUFReader":
    try:
        from gguf import GGUFReader
    except ImportError:
        raise GgufError(
            "the package gguf is not installed; `make pretrained` installs it "
            "(requirements-pretrained.lock)"
        ) from None
    try:
        return GGUFReader(file)
    except (OSError, ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise GgufError(f"{file}: not a whole GGUF file: {error}") from error


def _refuse_full(described: "GGUFReader", folder: Path) -> None:
    needed = 4 * sum(int(tensor.n_elements) for tensor in described.tensors) + _SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise GgufError(
            f"{folder}: {free / 1e9:.1f} GB are free, but the model in float32 takes "
            f"{needed / 1e9:.1f}; make room"
        )


def _save(file: Path, described: "GGUFReader", folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    where = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    try:
        loaded, report = AutoModelForCausalLM.from_pretrained(
            **where, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(**where)
    except Exception as error:  # each architecture's reader fails in its own way
        raise GgufError(f"{file}: transformers cannot read it: {error}") from error
    for fault in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if names := sorted(map(str, report[fault])):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise GgufError(
                f"{file}: {fault.replace('_keys', '')} weights: {names[0]}{more}; expected those "
                f"of a {type(loaded).__name__}"
            )
    _refuse_other_tokens(file, described, tokenizer, loaded)
    plain = _unquantized(loaded)
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _refuse_other_tokens(
    file: Path,
    described: "GGUFReader",
    tokenizer: "PreTrainedTokenizerBase",
    model: "PreTrainedModel",
) -> None:
    """Refuse a tokenizer in which an id is another token than in the file."""
    field = described.get_field("tokenizer.ggml.tokens")
    tokens = field.contents() if field else []
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokens) != rows:
        raise GgufError(f"{file}: has {len(tokens)} tokens, but embeddings of {rows}")
    read = tokenizer.convert_ids_to_tokens(list(range(len(tokens))))
    for place, (expected, found) in enumerate(zip(tokens, read, strict=True)):
        if expected != found:
            raise GgufError(
                f"{file}: token {place} is {expected!r}, but transformers reads {found!r}; "
                "expected a tokenizer that it can read"
            )
    if not tokenizer.chat_template:
        logger.warning("%s: has no chat template; ask it in plain text", file)


def _unquantized(loaded: "PreTrainedModel") -> "PreTrainedModel":
    """A model of these weights that remembers no quantization, which saving would refuse."""
    import torch
    from transformers import AutoModelForCausalLM

    config = loaded.config
    del config.quantization_config
    config._name_or_path = ""
    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(loaded.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = loaded.generation_config
    return plain
