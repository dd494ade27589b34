"""The CPU engine against the plainest loop that could stand in its place."""

import numpy as np
import pytest
from helpers import engines
from scipy import stats

from cliff_tokens.policies import Request, open_engine
from cliff_tokens.policies.sampling import Sampler, distribution, draw, streams, uniforms

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

VOCABULARY, STOPS = 60, [1, 7]
SAMPLER = Sampler(temperature=0.9, top_p=0.95, top_k=30)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Random weights, large enough that the distributions are far from flat."""
    torch.manual_seed(0)
    config = transformers.Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        initializer_range=0.25,
        bos_token_id=None,
        eos_token_id=STOPS,
        pad_token_id=0,
    )
    folder = tmp_path_factory.mktemp("checkpoint")
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(checkpoint):
    return open_engine("transformers", str(checkpoint), device="cpu")


@pytest.fixture(scope="module")
def stock(checkpoint):
    return transformers.AutoModelForCausalLM.from_pretrained(checkpoint).eval()


def ids(seed, length):
    return np.random.default_rng(seed).integers(8, VOCABULARY, length).astype(np.int32)


@pytest.fixture(scope="module")
def requests():
    """Nested prefixes of one trace, siblings that leave it by one token, and strangers."""
    trace = ids(0, 40)
    nested = [Request(trace[:t], streams(1, "nested", t, count=8), 24) for t in range(8, 41, 2)]
    siblings = [
        Request(np.append(trace[:t], np.int32(9)), streams(1, "sibling", t, count=2), 5 + t % 9)
        for t in range(0, 41, 3)
    ]
    strangers = [
        Request(ids(t, t), streams(1, "stranger", t, count=1 + t % 2), 1 + t % 25)
        for t in range(1, 60, 2)
    ]
    repeated = [Request(trace[:20], streams(1, "again", count=3), 12)]
    return nested[::2] + strangers + siblings + nested[1::2] + repeated


def run(engine, requests, sampler=SAMPLER):
    return engines.run(engine, requests, sampler)


@torch.inference_mode()
def plain(model, prompt, stream, limit, sampler):
    """One rollout: the whole text through the stock model for every token."""
    text = list(prompt)
    for step in range(limit):
        logits = model(torch.tensor([text]), use_cache=False).logits[0, -1].numpy()
        uniform = uniforms(np.array([stream]), step)
        text.append(int(draw(distribution(logits, sampler)[None], uniform)[0]))
        if text[-1] in STOPS:
            return text[len(prompt) :], "stop"
    return text[len(prompt) :], "length"


def test_every_rollout_is_the_one_of_a_plain_loop(engine, stock, requests):
    found = run(engine, requests)
    assert len(found) == sum(len(request.streams) for request in requests)
    assert {finish for _, finish in found.values()} == {"stop", "length"}
    for (index, rollout), ours in found.items():
        request = requests[index]
        prompt, stream = request.prompt_ids.tolist(), request.streams[rollout]
        assert ours == plain(stock, prompt, stream, request.max_tokens, SAMPLER)


@pytest.mark.parametrize("slots", [1, 5, 32, 1000])
def test_the_number_of_slots_changes_no_rollout(checkpoint, engine, requests, slots):
    # Below the rollouts of a group its columns are shared, above they are copied to each row.
    other = open_engine("transformers", str(checkpoint), device="cpu", slots=slots)
    assert run(other, requests) == run(engine, requests)


def test_many_trunks_at_once_change_no_rollout(checkpoint, engine):
    traces = [ids(seed, 30) for seed in range(6)]
    many = [
        Request(trace[:t], streams(2, k, t, count=6), 40)
        for k, trace in enumerate(traces)
        for t in range(10, 31, 5)
    ]
    small = open_engine("transformers", str(checkpoint), device="cpu", slots=24)
    assert run(small, many) == run(engine, many)


@pytest.mark.parametrize("slots", [4, 64])
def test_worked_examples_before_all_prompts_change_no_rollout(checkpoint, stock, slots):
    head = ids(7, 40)
    asked = [np.concatenate([head, ids(k, 3 + k)]) for k in range(5)]
    few = [Request(prompt, streams(3, k, count=6), 12) for k, prompt in enumerate(asked)]
    few += [Request(asked[4][:t], streams(3, "prefix", t, count=5), 9) for t in (20, 40, 41, 44)]
    engine = open_engine("transformers", str(checkpoint), device="cpu", slots=slots)
    for (index, rollout), ours in run(engine, few).items():
        prompt, stream = few[index].prompt_ids.tolist(), few[index].streams[rollout]
        assert ours == plain(stock, prompt, stream, few[index].max_tokens, SAMPLER)


def test_pools_that_run_at_once_do_not_share_their_memory(engine, requests):
    expected = run(engine, requests[:4])
    one, two = (engine.generate(requests[:4], SAMPLER) for _ in range(2))
    found = [{}, {}]
    for pair in zip(one, two, strict=True):
        for completions, done in zip(found, pair, strict=True):
            completions[done.request, done.rollout] = (done.token_ids.tolist(), done.finish)
    assert found == [expected, expected]


def test_bfloat16_is_an_option_whose_logits_are_near(checkpoint, engine):
    rough = open_engine("transformers", str(checkpoint), device="cpu", dtype="bfloat16")
    assert rough.dtype == torch.bfloat16
    ((one,), (two,)) = (list(e.score([(ids(0, 20), ids(1, 9))])) for e in (rough, engine))
    assert one.dtype == np.float32
    assert 0 < np.abs(one - two).max() < rough.rounding


def test_the_order_of_requests_changes_no_rollout(engine, requests):
    order = np.random.default_rng(3).permutation(len(requests))
    found = run(engine, [requests[index] for index in order])
    expected = run(engine, requests)
    assert {(order[index], k): value for (index, k), value in found.items()} == expected


def test_a_request_alone_gives_what_it_gives_among_others(engine, requests):
    expected = run(engine, requests)
    for index, request in enumerate(requests):
        for (_, rollout), value in run(engine, [request]).items():
            assert value == expected[index, rollout]


def test_temperature_zero_is_what_generate_calls_greedy(engine, stock):
    prompts = [ids(seed, 5 + seed) for seed in range(20)]
    found = run(engine, [Request(p, streams(0, count=1), 30) for p in prompts], Sampler(0.0))
    for index, prompt in enumerate(prompts):
        text = torch.from_numpy(prompt.astype(np.int64))[None]
        expected = stock.generate(
            text, attention_mask=torch.ones_like(text), do_sample=False, max_new_tokens=30
        )
        assert found[index, 0][0] == expected[0, len(prompt) :].tolist()


def fed(engine, monkeypatch):
    """How many tokens the model is given from now on, call by call."""
    sizes, forward = [], engine.forward
    monkeypatch.setattr(
        engine,
        "forward",
        lambda tokens, *rest, **more: sizes.append(tokens.size) or forward(tokens, *rest, **more),
    )
    return sizes


def test_rollouts_with_one_text_run_as_one(engine, monkeypatch):
    prompt = ids(6, 9)
    (text, _), *_ = run(engine, [Request(prompt, streams(0, count=1), 30)], Sampler(0.0)).values()
    whole = np.concatenate([prompt, text]).astype(np.int32)
    many = [
        Request(whole[:t], streams(0, t, count=40), len(whole) - t) for t in range(9, len(whole))
    ]
    sizes = fed(engine, monkeypatch)
    for (index, _), (tokens, _) in run(engine, many, Sampler(0.0)).items():
        assert tokens == whole[9 + index :].tolist()
    # The run of the longest prompt says what follows every one of them.
    assert sizes == [len(whole) - 1]


def test_texts_that_have_no_row_are_read_again(checkpoint, engine, monkeypatch):
    prompt = Request(ids(8, 12), streams(5, count=60), 20)
    expected, sizes = run(engine, [prompt]), fed(engine, monkeypatch)
    assert run(engine, [prompt]) == expected
    nodes = {tuple(tokens[:n]) for tokens, _ in expected.values() for n in range(1, len(tokens))}
    # A text that has ended keeps its row for some steps.
    assert 12 + len(nodes) <= sum(sizes) < 12 + 1.3 * len(nodes)
    small = open_engine("transformers", str(checkpoint), device="cpu", slots=2)
    again = fed(small, monkeypatch)
    assert run(small, [prompt]) == expected
    assert sum(again) > 12 + len(nodes)


@pytest.mark.parametrize("rollouts", [4000, 20])
def test_first_tokens_follow_the_distribution(engine, stock, rollouts):
    # 4000 rollouts draw from the run of the trunk, 20 at a time from a step of the pool.
    prompt, seen = ids(5, 12), np.zeros(VOCABULARY)
    for part in range(4000 // rollouts):
        request = Request(prompt, streams(4, part, count=rollouts), 1)
        for tokens, _ in run(engine, [request]).values():
            seen[tokens[0]] += 1
    with torch.inference_mode():
        logits = stock(torch.from_numpy(prompt.astype(np.int64))[None]).logits[0, -1].numpy()
    expected = distribution(logits, SAMPLER) * 4000
    assert not seen[expected == 0].any()
    kept = expected > 5
    statistic = ((seen - expected)[kept] ** 2 / expected[kept]).sum()
    assert stats.chi2.sf(statistic, kept.sum() - 1) > 0.001


def test_scores_are_the_stock_logits_in_order(engine, stock):
    lengths = [(1, 3), (40, 10), (5, 1), (7, 0), (90, 38), (12, 60)]
    pairs = [(ids(a, a), ids(b + 100, b)) for a, b in lengths]
    found = list(engine.score(pairs))
    assert len(found) == len(pairs)
    for (prompt, tokens), logits in zip(pairs, found, strict=True):
        text = torch.from_numpy(np.concatenate([prompt, tokens]).astype(np.int64))[None]
        with torch.inference_mode():
            expected = stock(text).logits[0, len(prompt) - 1 : -1].numpy()
        assert logits.dtype == np.float32
        assert logits.shape == (len(tokens), VOCABULARY)
        np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_scores_after_worked_examples_are_the_stock_logits(checkpoint, stock, monkeypatch):
    monkeypatch.setattr("cliff_tokens.policies.transformers.SCORED_STEM", 40)
    engine = open_engine("transformers", str(checkpoint), device="cpu")
    read = fed(engine, monkeypatch)
    head = ids(7, 40)
    pairs = [(np.concatenate([head, ids(k, 1 + 3 * k)]), ids(k + 100, 5 * k)) for k in range(5)]
    for (prompt, tokens), logits in zip(pairs, engine.score(pairs), strict=True):
        text = torch.from_numpy(np.concatenate([prompt, tokens]).astype(np.int64))[None]
        with torch.inference_mode():
            expected = stock(text).logits[0, len(prompt) - 1 : -1].numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert read == [40, 5 * (13 + 20)]  # the examples once, the rest padded to the longest


def test_scores_do_not_depend_on_the_memory_allowed(checkpoint, engine):
    pairs = [(ids(k, 3 + k % 50), ids(k, k % 60)) for k in range(80)]
    small = open_engine("transformers", str(checkpoint), device="cpu", memory=200_000)
    for ours, theirs in zip(small.score(pairs), engine.score(pairs), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_little_memory_means_fewer_rows_at_once(checkpoint, engine, requests):
    small = open_engine("transformers", str(checkpoint), device="cpu", memory=200_000)
    assert run(small, requests[:12]) == run(engine, requests[:12])


def test_no_requests_give_no_rollouts(engine):
    assert list(engine.generate([], SAMPLER)) == []
    assert list(engine.generate([Request(ids(0, 4), streams(0, count=0), 5)], SAMPLER)) == []
    assert list(engine.score([])) == []


@pytest.mark.parametrize(
    ("prompt", "limit", "message"),
    [
        (ids(0, 4), 0, "max_tokens is 0"),
        (ids(0, 0), 5, "the prompt is empty"),
        (ids(0, 100), 29, "exceed the 128 tokens"),
    ],
)
def test_an_impossible_request_is_refused_before_anything_runs(engine, prompt, limit, message):
    good = Request(ids(0, 4), streams(0, count=1), 5)
    with pytest.raises(ValueError, match=message):
        engine.generate([good, Request(prompt, streams(0, count=1), limit)], SAMPLER)


def test_tokens_that_the_model_does_not_have_are_refused_by_both_numbers(engine):
    message = rf"vocab_size of {VOCABULARY}, but a text has the token id {VOCABULARY};"
    strange = np.array([9, VOCABULARY], dtype=np.int32)
    with pytest.raises(ValueError, match=message):
        engine.generate([Request(strange, streams(0, count=1), 5)], SAMPLER)
    with pytest.raises(ValueError, match=message):
        engine.score([(ids(0, 4), strange)])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_logits_that_are_not_finite_stop_the_job_and_name_the_model(checkpoint, bad):
    spoilt = open_engine("transformers", str(checkpoint), device="cpu")
    with torch.no_grad():
        spoilt.model.model.norm.weight[3] = bad
    message = rf"{checkpoint}: the model computes logits that are not finite"
    with pytest.raises(FloatingPointError, match=message):
        run(spoilt, [Request(ids(0, 4), streams(0, count=3), 5)])
    with pytest.raises(FloatingPointError, match=message):
        list(spoilt.score([(ids(0, 4), ids(1, 3))]))


def test_a_text_that_just_fits_runs_to_the_last_position(engine):
    request = Request(ids(0, 100), streams(0, count=4), 28)
    assert len(run(engine, [request])) == 4


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.*config\.json.*model\.safetensors"):
        open_engine("transformers", str(tmp_path / "absent"), device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty.*config\.json.*model\.safetensors"):
        open_engine("transformers", str(tmp_path / "empty"), device="cpu")


def save(config_class, folder, **extra):
    config = config_class(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=128,
        initializer_range=0.25,
        eos_token_id=1,
        pad_token_id=0,
        **extra,
    )
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)


def test_a_llama_runs_too(tmp_path):
    save(transformers.LlamaConfig, tmp_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    engine = open_engine("transformers", str(tmp_path), device="cpu", slots=16)
    request = Request(ids(0, 9), streams(0, count=20), 12)
    found = run(engine, [request])
    for (_, rollout), (tokens, _) in found.items():
        uniform = request.streams[rollout]
        text = list(request.prompt_ids)
        for step, token in enumerate(tokens):
            with torch.inference_mode():
                logits = model(torch.tensor([text])).logits[0, -1].numpy()
            expected = draw(
                distribution(logits, SAMPLER)[None], uniforms(np.array([uniform]), step)
            )
            assert token == expected[0]
            text.append(token)


@pytest.mark.parametrize(
    ("config", "extra"),
    [
        ("Gemma3TextConfig", {"head_dim": 8, "sliding_window": 16}),
        ("Gemma2Config", {"head_dim": 8}),
        (
            "Qwen3Config",
            {
                "head_dim": 8,
                "use_sliding_window": True,
                "sliding_window": 16,
                "max_window_layers": 0,
            },
        ),
    ],
)
def test_a_model_with_other_attention_is_refused(tmp_path, config, extra):
    save(getattr(transformers, config), tmp_path, **extra)
    with pytest.raises(NotImplementedError, match="full causal attention"):
        open_engine("transformers", str(tmp_path), device="cpu")


def adapt(checkpoint, folder, spread, seed=0):
    """A LoRA adapter of the checkpoint with random updates of size ``spread``, saved."""
    peft = pytest.importorskip("peft")
    torch.manual_seed(seed)
    base = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"])
    tuned = peft.get_peft_model(base, config)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=spread) if spread else weight.zero_()
    tuned.save_pretrained(folder)
    return tuned.eval()


def test_a_merged_adapter_gives_the_logits_of_the_adapter_apart(checkpoint, engine, tmp_path):
    tuned = adapt(checkpoint, tmp_path, spread=0.2)
    merged = open_engine("transformers", str(checkpoint), adapter=str(tmp_path), device="cpu")
    pairs = [(ids(k, 5 + 10 * k), ids(k + 50, 20)) for k in range(4)]
    before = engine.score(pairs)
    for (prompt, tokens), ours, plain in zip(pairs, merged.score(pairs), before, strict=True):
        text = torch.from_numpy(np.concatenate([prompt, tokens]).astype(np.int64))[None]
        with torch.inference_mode():
            expected = tuned(text).logits[0, len(prompt) - 1 : -1].numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-5)
        assert np.abs(ours - plain).max() > 0.1  # the adapter does something


def test_an_adapter_of_zeros_changes_no_rollout(checkpoint, engine, requests, tmp_path):
    adapt(checkpoint, tmp_path, spread=0)
    zero = open_engine("transformers", str(checkpoint), adapter=str(tmp_path), device="cpu")
    assert run(zero, requests) == run(engine, requests)


def test_an_adapter_of_another_model_is_refused(checkpoint, tmp_path):
    pytest.importorskip("peft")
    adapt(checkpoint, tmp_path / "adapter", spread=0.1)
    save(transformers.LlamaConfig, tmp_path / "wider")  # key heads 4 in place of 2
    with pytest.raises(ValueError, match=r"adapter: not an adapter of .*wider"):
        open_engine("transformers", str(tmp_path / "wider"), adapter=str(tmp_path / "adapter"))


@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
def test_an_adapter_that_lacks_a_layer_is_refused(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    adapt(checkpoint, tmp_path, spread=0.1)
    weights = tmp_path / "adapter_model.safetensors"
    kept = {key: value for key, value in load_file(weights).items() if "layers.1." not in key}
    save_file(kept, weights)
    with pytest.raises(ValueError, match=r"it differs in .*layers\.1"):
        open_engine("transformers", str(checkpoint), adapter=str(tmp_path), device="cpu")


def test_a_folder_without_an_adapter_is_named(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent: no adapter there"):
        open_engine("transformers", str(checkpoint), adapter=str(tmp_path / "absent"))
