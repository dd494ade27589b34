"""A model's folder: what is opened, and what of it is refused by name, wherever it is opened."""

import json
import shutil

import pytest
from helpers.models import change_weights, save_model, save_tokenizer, say

from cliff_tokens.policies import checkpoint, open_engine

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEAD, EMBEDDING, NORM = "lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"
TURNS = (
    "{% for m in messages %}{{ '<user> ' if m.role == 'user' }}{{ m.content }} "
    "{% if m.role == 'assistant' %}{{ '<turn> ' }}{% endif %}{% endfor %}"
)


@pytest.fixture(scope="module")
def untied(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("untied"), tie_word_embeddings=False)


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tied"), tie_word_embeddings=True)


@pytest.fixture
def folder(untied, tmp_path):
    """A copy of the untied model that a test may spoil."""
    return shutil.copytree(untied, tmp_path / "own model")


def openings():
    """Every way in which weights are opened."""
    return [
        pytest.param(lambda model: checkpoint.open_model(model, "cpu"), id="open_model"),
        pytest.param(checkpoint.check_model, id="check_model"),
        pytest.param(lambda model: open_engine("transformers", str(model)), id="engine"),
    ]


def spoil(change):
    return lambda folder: change_weights(folder / WEIGHTS, change)


def other_shape(weights):
    weights[HEAD] = torch.zeros(65, 32)


def not_a_number(weights):
    weights[NORM][3] = torch.nan


def infinite(weights):
    weights[EMBEDDING][2, 1] = -torch.inf


def two_files(folder):
    shutil.copy(folder / WEIGHTS, folder / "other.safetensors")


def file_and_index(folder):
    (folder / INDEX).write_text(json.dumps({"weight_map": {HEAD: WEIGHTS}}))


def pickled(folder):
    torch.save({}, folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def truncated(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-500])


def pointer(folder):
    (folder / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


def configured(**said):
    return lambda folder: say(folder / "config.json", **said)


FAULTS = {
    "no head": (spoil(lambda w: w.pop(HEAD)), rf"own model: the checkpoint lacks: {HEAD}; .*Qwen3"),
    "two lacking": (
        spoil(lambda w: (w.pop(HEAD), w.pop(NORM))),
        rf"lacks: {HEAD} and 1 more; expected the weights of a Qwen3ForCausalLM",
    ),
    "left over": (
        spoil(lambda w: w.update(score=torch.zeros(2))),
        r"has besides what the model takes: score;",
    ),
    "shape": (spoil(other_shape), rf"has in another shape than config\.json says: {HEAD};"),
    "nan": (spoil(not_a_number), rf"{WEIGHTS}: {NORM}: holds numbers that are not finite"),
    "infinity": (spoil(infinite), rf"{WEIGHTS}: {EMBEDDING}: holds numbers that are not finite"),
    "8 bits": (
        spoil(lambda w: w.update({HEAD: w[HEAD].to(torch.float8_e4m3fn)})),
        rf"{WEIGHTS}: {HEAD}: torch\.float8_e4m3fn; expected float32, float16 or bfloat16",
    ),
    "whole numbers": (
        spoil(lambda w: w.update({HEAD: w[HEAD].to(torch.int8)})),
        rf"{HEAD}: torch\.int8; exp",
    ),
    "64 bits": (
        spoil(lambda w: w.update({HEAD: w[HEAD].double()})),
        rf"{HEAD}: torch\.float64; expected",
    ),
    "truncated": (truncated, rf"own model/{WEIGHTS}: not a whole safetensors file"),
    "pointer": (pointer, rf"own model/{WEIGHTS}: not a whole safetensors file"),
    "pickled": (
        pickled,
        rf"{WEIGHTS}: no such file; found pytorch_model\.bin, and pickled weights are not read",
    ),
    "two files": (two_files, rf"holds other\.safetensors beside {WEIGHTS}; expected {INDEX}"),
    "file and index": (file_and_index, rf"holds both {WEIGHTS} and {INDEX}"),
    "code": (
        configured(
            auto_map={"AutoModelForCausalLM": "modeling_own.Own"},
            model_type="own",
        ),
        r"own model/config\.json: auto_map: the model names code of its own, which is never run",
    ),
    "quantized": (
        configured(quantization_config={"quant_method": "awq", "bits": 4}),
        r"config\.json: quantization_config: the weights are quantized; expected float16",
    ),
    "named weights": (
        configured(transformers_weights="other.safetensors"),
        r"config\.json: transformers_weights: another file",
    ),
    "no JSON": (
        lambda folder: (folder / "config.json").write_text("{"),
        r"own model/config\.json: not JSON",
    ),
    "no mapping": (
        lambda folder: (folder / "config.json").write_text("[]"),
        r"own model/config\.json: expected a mapping",
    ),
    "no mapping of settings": (
        lambda folder: (folder / "generation_config.json").write_text("[]"),
        r"own model/generation_config\.json: expected a mapping",
    ),
    "no type": (configured(model_type=None), r"own model/config\.json: cannot be used: .*type"),
    "a type of the future": (configured(model_type="qwen99"), r"config\.json: cannot be used"),
    "a classifier": (
        configured(architectures=["Qwen3ForSequenceClassification"]),
        r"config\.json: a Qwen3ForSequenceClassification predicts no next token; expected Qwen3F",
    ),
    "encoder and decoder": (
        configured(model_type="t5", architectures=["T5ForConditionalGeneration"]),
        r"own model/config\.json: a T5ForConditionalGeneration predicts no next token; expected",
    ),
    "adapter inside": (
        lambda folder: (folder / "adapter_config.json").write_text("{}"),
        r"adapter_config\.json: the folder of a model holds an adapter",
    ),
}


@pytest.mark.parametrize("opening", openings())
@pytest.mark.parametrize(("fault", "message"), FAULTS.values(), ids=FAULTS)
def test_what_a_loader_would_go_on_with_is_refused_by_name(folder, fault, message, opening):
    fault(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        opening(folder)


@pytest.mark.parametrize("opening", openings())
def test_two_weights_that_are_said_to_be_one_are_refused(folder, opening):
    say(folder / "config.json", tie_word_embeddings=True)
    with pytest.raises(ValueError, match=rf"{HEAD} differs from {EMBEDDING}, but config\.json"):
        opening(folder)
    change_weights(folder / WEIGHTS, lambda w: w.update({HEAD: w[EMBEDDING].clone()}))
    opening(folder)


def logits_of(model):
    with torch.inference_mode():
        return model(torch.arange(2, 12)[None]).logits


def test_tied_weights_may_be_stored_once(tied):
    checkpoint.check_model(tied)
    model = checkpoint.open_model(tied, "cpu")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    stock = transformers.AutoModelForCausalLM.from_pretrained(tied).eval()
    torch.testing.assert_close(logits_of(model), logits_of(stock))


def test_the_attention_that_a_configuration_asks_for_is_not_fetched(folder):
    say(folder / "config.json", _attn_implementation="kernels-community/flash-attn3")
    model = checkpoint.open_model(folder, "cpu")
    assert model.config._attn_implementation == "sdpa"


def shard(model, folder):
    transformers.AutoModelForCausalLM.from_pretrained(model).save_pretrained(
        folder, max_shard_size="20KB"
    )
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    return shards


def test_shards_are_one_model_and_each_is_looked_into(untied, tmp_path):
    shards = shard(untied, tmp_path)
    checkpoint.check_model(tmp_path)
    found = logits_of(checkpoint.open_model(tmp_path, "cpu"))
    torch.testing.assert_close(found, logits_of(checkpoint.open_model(untied, "cpu")))
    change_weights(shards[-1], lambda w: w[min(w)].fill_(torch.nan))
    with pytest.raises(ValueError, match=rf"{shards[-1].name}: .* not finite"):
        checkpoint.open_model(tmp_path, "cpu")
    shards[-1].unlink()
    with pytest.raises(FileNotFoundError, match=f"{shards[-1].name}: no such file"):
        checkpoint.open_model(tmp_path, "cpu")
    (tmp_path / INDEX).write_text("{}")
    with pytest.raises(ValueError, match="expected a weight_map"):
        checkpoint.open_model(tmp_path, "cpu")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_opened_in_single_on_the_cpu(untied, tmp_path, dtype):
    half = transformers.AutoModelForCausalLM.from_pretrained(untied, dtype=dtype)
    half.save_pretrained(tmp_path)
    model = checkpoint.open_model(tmp_path, "cpu")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    torch.testing.assert_close(logits_of(model), logits_of(half.float().eval()))


def test_a_folder_without_a_tokenizer_is_named(untied):
    with pytest.raises(FileNotFoundError, match=r"untied.*: no tokenizer there; expected token"):
        checkpoint.open_tokenizer(untied)


def test_a_tokenizer_that_cannot_be_read_is_named(folder):
    save_tokenizer(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"own model/tokenizer\.json: not a tokenizer: "):
        checkpoint.open_tokenizer(folder)


def test_a_folder_with_two_templates_is_refused_unless_they_are_equal(folder):
    save_tokenizer(folder, TURNS)
    say(folder / "tokenizer_config.json", chat_template=TURNS)
    assert checkpoint.open_tokenizer(folder).chat_template == TURNS
    say(folder / "tokenizer_config.json", chat_template="{{ messages[0].content }}")
    with pytest.raises(
        ValueError, match=r"chat_template\.jinja: tokenizer_config\.json has another"
    ):
        checkpoint.open_tokenizer(folder)


def test_every_file_of_a_tokenizer_may_name_an_end(folder):
    save_tokenizer(folder)
    say(folder / "special_tokens_map.json", eos_token={"content": "<user>"})
    assert checkpoint.stops(folder, 64).tolist() == [1, 2]


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
def test_an_end_that_the_vocabulary_lacks_is_refused(folder, name):
    save_tokenizer(folder)
    say(folder / name, eos_token="<absent>")
    with pytest.raises(
        ValueError, match=rf"{name}: eos_token: '<absent>' is not in tokenizer\.json"
    ):
        checkpoint.stops(folder, 70)


def name_ends(folder, generation=None, config=None, tokenizer=None, template=None):
    """Have each owner name its end-of-sequence tokens, or none."""
    say(folder / "config.json", eos_token_id=config)
    (folder / "generation_config.json").unlink()
    if generation is not None:
        say(folder / "generation_config.json", eos_token_id=generation)
    if tokenizer:
        special = ("<pad>", "<end>", "<user>", "<turn>")
        save_tokenizer(folder, template, eos=tokenizer, special=special)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"generation": 7}, [7]),
        ({"config": [9, 8]}, [8, 9]),
        ({"generation": [5, 9], "config": 7, "tokenizer": "<end>"}, [1, 5, 7, 9]),
        ({"config": 7, "tokenizer": "<turn>"}, [3, 7]),
        ({"tokenizer": "<end>"}, [1]),
        ({"config": 7, "tokenizer": "<end>", "template": TURNS}, [1, 3, 7]),
        ({"config": 7, "tokenizer": "<end>", "template": "{{ raise_exception('no') }}"}, [1, 7]),
    ],
)
def test_a_response_ends_at_every_token_that_the_folder_names(folder, named, expected):
    name_ends(folder, **named)
    found = checkpoint.stops(folder, 64)
    assert (found.tolist(), found.dtype) == (expected, "int64")
    assert open_engine("transformers", str(folder)).stops.tolist() == expected


def test_both_engines_stop_at_the_same_tokens(folder):
    name_ends(folder, config=7, tokenizer="<turn>")
    assert open_engine("vllm", str(folder)).stops.tolist() == [3, 7]


def test_a_text_config_names_ends_too(folder):
    say(folder / "config.json", eos_token_id=None, text_config={"eos_token_id": 6})
    say(folder / "generation_config.json", eos_token_id=None)
    assert checkpoint.stops(folder, 64).tolist() == [6]


def test_the_testbed_stops_where_its_tokenizer_ends(root):
    for name in ("testbed-small", "testbed-large"):
        assert checkpoint.stops(root / "resources/testbed" / name, 111).tolist() == [1]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({}, r"own model: no token ends a response: expected eos_token_id in generation_config"),
        ({"config": 64}, r"config\.json has the eos_token_id 64, but .* vocab_size of 64"),
        ({"config": "1"}, r"config\.json: eos_token_id: expected a token id or a list, found '1'"),
        ({"generation": [True]}, r"generation_config\.json: eos_token_id: expected a token id"),
    ],
)
def test_ends_that_cannot_be_are_refused(folder, named, message):
    name_ends(folder, **named)
    with pytest.raises(ValueError, match=message):
        checkpoint.stops(folder, 64)
    with pytest.raises(ValueError, match=r"own model.*eos_token_id"):
        open_engine("transformers", str(folder))


def test_a_generation_config_that_is_no_json_is_refused(folder):
    (folder / "generation_config.json").write_text("eos_token_id: 1")
    with pytest.raises(ValueError, match=r"generation_config\.json: not JSON"):
        checkpoint.stops(folder, 64)


def test_a_tokenizer_larger_than_the_model_is_refused_but_for_special_tokens(folder):
    save_tokenizer(folder, size=64)
    assert checkpoint.stops(folder, 64).tolist() == [1]
    tokenizer = save_tokenizer(folder, size=64)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.save_pretrained(folder)
    assert checkpoint.stops(folder, 64).tolist() == [1]
    save_tokenizer(folder, size=70)
    with pytest.raises(ValueError, match=r"tokens up to id 69, but .* vocab_size of 64"):
        open_engine("transformers", str(folder))


def adapt(model, folder):
    """A LoRA adapter of a model, saved."""
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    loaded = transformers.AutoModelForCausalLM.from_pretrained(model)
    peft.get_peft_model(loaded, config).save_pretrained(folder)
    return folder


def test_an_adapter_is_checked_without_holding_the_model(untied, tmp_path):
    adapter = adapt(untied, tmp_path / "adapter")
    checkpoint.check_model(untied, adapter)
    wider = save_model(tmp_path / "wider", num_key_value_heads=4)
    with pytest.raises(ValueError, match=r"adapter: not an adapter of .*wider"):
        checkpoint.check_model(wider, adapter)
    change_weights(adapter / "adapter_model.safetensors", lambda w: w[min(w)].fill_(torch.nan))
    for opening in (checkpoint.check_model, lambda *a: checkpoint.open_model(a[0], "cpu", a[1])):
        with pytest.raises(ValueError, match=r"adapter_model\.safetensors: .* not finite"):
            opening(untied, adapter)


def test_code_of_a_folder_whose_model_transformers_has_is_named_and_not_run(folder, caplog):
    say(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling_own.Own"})
    say(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Tokenizer", None]})
    (folder / "modeling_own.py").write_text("raise SystemExit('run')", encoding="utf-8")
    assert type(checkpoint.open_model(folder, "cpu")).__name__ == "Qwen3ForCausalLM"
    assert "code of its own, which is never run; it is opened as transformers has qwen3" in (
        caplog.text
    )
