"""The sampler that a model's folder suggests in generation_config.json, and what is left out of it.

The sampler has temperature, top_p and top_k. What else such a file can ask for changes what the
model writes and has no place here: it is named, so that nobody takes the result for it.
"""

from pathlib import Path

from cliff_tokens.policies.checkpoint import read_json
from cliff_tokens.policies.sampling import Sampler

FILE = "generation_config.json"
# What changes the text besides the sampler, with the value that changes nothing; None: any does.
_NEUTRAL = {
    "num_beams": 1, "num_beam_groups": 1, "diversity_penalty": 0, "penalty_alpha": 0,
    "dola_layers": None, "guidance_scale": 1, "watermarking_config": None,
    "min_p": 0, "typical_p": 1, "top_h": 1, "epsilon_cutoff": 0, "eta_cutoff": 0,
    "repetition_penalty": 1, "encoder_repetition_penalty": 1, "presence_penalty": 0,
    "frequency_penalty": 0, "no_repeat_ngram_size": 0, "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None, "force_words_ids": None, "constraints": None, "sequence_bias": None,
    "suppress_tokens": None, "begin_suppress_tokens": None, "forced_bos_token_id": None,
    "forced_eos_token_id": None, "exponential_decay_length_penalty": None, "min_length": 0,
    "min_new_tokens": 0, "stop_strings": None,
}  # fmt: skip
_NUMBER = ((int, float), "a number")


def suggested(folder: str | Path) -> tuple[dict, list[str]]:
    """The fields of a ``Sampler``, and what is left out, each as "key value".

    ``do_sample: false`` is temperature 0. What the file does not say changes nothing: temperature
    1, top_p 1, top_k 0. A value that no sampler has is an error that names the file and the key.
    """
    file = Path(folder, FILE)
    said = read_json(file)
    sampler = {
        "temperature": float(_value(said, file, "temperature", 1.0, *_NUMBER)),
        "top_p": float(_value(said, file, "top_p", 1.0, *_NUMBER)),
        "top_k": _value(said, file, "top_k", 0, (int,), "a whole number"),
    }
    if not _value(said, file, "do_sample", True, (bool,), "true or false"):
        sampler["temperature"] = 0.0
    try:
        Sampler(**sampler)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    nothing = (None, False, [], {})
    left_out = [
        f"{key} {said[key]}"
        for key, neutral in _NEUTRAL.items()
        if said.get(key) not in (*nothing, neutral)
    ]
    return sampler, left_out


def _value(said: dict, file: Path, key: str, missing, kinds: tuple[type, ...], expected: str):
    """What a file says under a key, of one of these types; ``missing`` where it says nothing."""
    value = said.get(key)
    if value is None:
        return missing
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ValueError(f"{file}: {key}: expected {expected}, found {value!r}")
    return value
