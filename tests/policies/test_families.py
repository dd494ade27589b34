"""Families of models: a tiny one of each computes what stock transformers does, or is refused.

The table in docs/models.md holds what these tests find; ``pytest --fix`` on this file renews it.
"""

import numpy as np
import pytest
from helpers.models import VOCABULARY, save_model

from cliff_tokens.policies import Request, checkpoint, open_engine
from cliff_tokens.policies.sampling import Sampler, distribution, draw, streams, uniforms

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("trl")
from cliff_tokens.policies.transformers import check_folder  # noqa: E402, which takes these
from cliff_tokens.stages import dpo  # noqa: E402

LLAMA_3 = {
    "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
}  # fmt: skip
YARN = {
    "rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 32,
}  # fmt: skip
LONG = {
    "rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [2.0] * 4,
}  # fmt: skip
GRANITE = {
    "logits_scaling": 8.0, "residual_multiplier": 0.5, "attention_multiplier": 0.2,
    "embedding_multiplier": 3.0,
}  # fmt: skip
EXPERTS = {"num_local_experts": 4, "num_experts": 4, "moe_intermediate_size": 16}
# As the table calls it -> configuration class, and what its fields are besides those of all.
FAMILIES = {
    "Qwen 2, Qwen 2.5": ("Qwen2Config", {}),
    "Qwen 3": ("Qwen3Config", {"head_dim": 8}),
    "Qwen 3 MoE": ("Qwen3MoeConfig", {**EXPERTS, "num_experts_per_tok": 2}),
    "Llama 2, SmolLM": ("LlamaConfig", {}),
    "Llama 3 (rope_type llama3)": ("LlamaConfig", {"rope_parameters": LLAMA_3}),
    "Llama (rope_type yarn)": ("LlamaConfig", {"rope_parameters": YARN}),
    "Llama (rope_type dynamic)": (
        "LlamaConfig",
        {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
    ),
    "SmolLM 3": ("SmolLM3Config", {}),
    "Mistral, without a window": ("MistralConfig", {"sliding_window": None}),
    "Mistral, with a window": ("MistralConfig", {"sliding_window": 16}),
    "Mixtral": ("MixtralConfig", EXPERTS),
    "Gemma": ("GemmaConfig", {"head_dim": 8}),
    "Gemma 2": ("Gemma2Config", {"head_dim": 8, "sliding_window": 16}),
    "Gemma 3 (text)": ("Gemma3TextConfig", {"head_dim": 8, "sliding_window": 16}),
    "Phi 2": ("PhiConfig", {"num_key_value_heads": 4}),
    "Phi 3": ("Phi3Config", {}),
    "Phi 3 (rope_type longrope)": (
        "Phi3Config",
        {"rope_parameters": LONG, "original_max_position_embeddings": 64},
    ),
    "OLMo 2": ("Olmo2Config", {}),
    "Granite": ("GraniteConfig", GRANITE),
    "Cohere (Command R)": ("CohereConfig", {"logit_scale": 0.25}),
    "GPT-2": ("GPT2Config", {"n_inner": 64}),
    "GPT-NeoX, Pythia": ("GPTNeoXConfig", {}),
    "OPT": ("OPTConfig", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "StableLM": ("StableLmConfig", {}),
    "BLOOM": ("BloomConfig", {}),
    "DeepSeek V3": ("DeepseekV3Config", {"num_key_value_heads": 4}),
    "gpt-oss": ("GptOssConfig", {**EXPERTS, "head_dim": 8, "sliding_window": 16}),
    "Mamba": ("MambaConfig", {}),
}
LENGTHS = [(5, 90), (30, 20)]  # of a prompt and what follows, beyond every window
HEAD = "| models | engine `transformers` | scores of the engine `vllm` | margins in training |\n"
HEAD += "|---|---|---|---|\n"


def ids(seed, length):
    return np.random.default_rng(seed).integers(2, VOCABULARY, length).astype(np.int32)


@torch.inference_mode()
def logits_of(model, prompt, tokens):
    """Of stock transformers, float32 [tokens, vocabulary]."""
    text = torch.tensor([[*prompt.tolist(), *tokens.tolist()]])
    return model(text, use_cache=False).logits[0, len(prompt) - 1 : -1].numpy()


def check_scores(engine, stock):
    pairs = [(ids(k, a), ids(k + 9, b)) for k, (a, b) in enumerate(LENGTHS)]
    for pair, found in zip(pairs, engine.score(pairs), strict=True):
        expected = logits_of(stock, *pair)
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def check_rollouts(engine, stock):
    sampler = Sampler(1.0)
    trace = ids(1, 60)
    requests = [Request(trace[:t], streams(0, t, count=3), 20) for t in (5, 30, 60)]
    for done in engine.generate(requests, sampler):
        request, count = requests[done.request], len(done.token_ids)
        stream = np.repeat(request.streams[done.rollout], count)
        logits = logits_of(stock, request.prompt_ids, done.token_ids)
        expected = draw(distribution(logits, sampler), uniforms(stream, np.arange(count)))
        assert done.token_ids.tolist() == expected.tolist()


def check_margins(stock):
    rows = [
        {"input_ids": ids(k, n).tolist(), "last": [3, n - 1], "chosen": [5, 6], "rejected": [7, 8]}
        for k, n in enumerate((40, 90))
    ]
    with torch.no_grad():
        found = dpo.token_margins(stock, dpo.collate(rows)).tolist()
        expected = [
            (logits[place, chosen] - logits[place, rejected]).item()
            for row in rows
            for logits in [stock(torch.tensor([row["input_ids"]]), use_cache=False).logits[0]]
            for place, chosen, rejected in zip(
                row["last"], row["chosen"], row["rejected"], strict=True
            )
        ]
    assert found == pytest.approx(expected, abs=1e-4)


def found_of(folder) -> list[str]:
    """Cells of the table: what becomes of a model in each place."""
    stock = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    stock.eval()

    def in_transformers():
        engine = open_engine("transformers", folder, device="cpu", slots=8)
        check_scores(engine, stock)
        check_rollouts(engine, stock)

    def in_training():
        checkpoint.check_angles(folder, stock.config, 90)
        check_margins(stock)

    ways = (in_transformers, lambda: check_scores(open_engine("vllm", folder), stock), in_training)
    return [outcome(way, folder) for way in ways]


def outcome(way, folder) -> str:
    try:
        way()
    except NotImplementedError as error:
        name, reason = str(error).split(": ", 1)
        if name != folder:  # whoever reads it would not know which model is meant
            raise
        return f"refused: {reason.split('full causal attention: ')[-1]}"
    return "exact"


@pytest.mark.parametrize("name", FAMILIES)
def test_what_the_engine_refuses_is_refused_before_weights_are_in_memory(name, tmp_path):
    config, extra = FAMILIES[name]
    folder = save_model(tmp_path / "m", config, **extra)
    opened = outcome(lambda: open_engine("transformers", folder, device="cpu"), folder)
    assert outcome(lambda: check_folder(folder), folder) == opened


def test_the_table_of_families_says_what_is_found(root, tmp_path, fix):
    table = HEAD
    for name, (config, extra) in FAMILIES.items():
        folder = save_model(tmp_path / config / str(len(table)), config, **extra)
        table += f"| {' | '.join([name, *found_of(folder)])} |\n"
    path = root / "docs/models.md"
    text = path.read_text(encoding="utf-8")
    begin, end = "<!-- families -->\n", "<!-- end -->"
    before, rest = text.split(begin)
    current = before + begin + table + end + rest.split(end, 1)[1]
    if fix:
        path.write_text(current, encoding="utf-8")
    else:
        assert text == current, "docs/models.md: run pytest --fix tests/policies/test_families.py"
