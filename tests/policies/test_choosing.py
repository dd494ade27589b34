"""Tokens drawn from candidates are those drawn from whole rows, which few rows need."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from cliff_tokens.policies.sampling import Sampler, distribution, draw

torch = pytest.importorskip("torch")
from cliff_tokens.policies import choosing  # noqa: E402, which takes torch

VOCABULARY = 3000


def expected(logits, sampler, uniforms):
    return draw(distribution(logits, sampler), uniforms)


def rows(seed, scale, count=24, rounded=False):
    """Float32 logits [count, VOCABULARY] and uniforms; rounded ones have many ties."""
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, scale, (count, VOCABULARY)).astype(np.float32))
    return (logits.bfloat16().float() if rounded else logits), rng.random(count)


@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.1, 1.0, 3.0, 10.0]),
    temperature=st.sampled_from([0.0, 0.3, 0.7, 1.0, 2.0]),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 0.999999, 1.0]),
    top_k=st.sampled_from([0, 1, 20, 50, VOCABULARY]),
    rounded=st.booleans(),
)
@hypothesis.settings(max_examples=60)
def test_tokens_are_those_of_whole_rows(seed, scale, temperature, top_p, top_k, rounded):
    logits, uniforms = rows(seed, scale, rounded=rounded)
    sampler = Sampler(temperature, top_p, top_k)
    draws = np.arange(len(logits))
    tokens = choosing.choose(logits, sampler, uniforms, draws)
    assert tokens.tolist() == expected(logits.numpy(), sampler, uniforms).tolist()
    again = np.random.default_rng(seed).integers(0, len(logits), 40)
    tokens = choosing.choose(logits, sampler, uniforms[again], again)
    assert tokens.tolist() == expected(logits.numpy(), sampler, uniforms)[again].tolist()


def test_one_row_serves_all_uniforms():
    logits, _ = rows(1, 3.0, count=1)
    uniforms = np.linspace(0, 1, 500, endpoint=False)
    for sampler in (Sampler(0.7, 0.9, 50), Sampler(0.7, 0.9), Sampler(3.0, 0.99)):
        tokens = choosing.choose(logits, sampler, uniforms, np.zeros(500, dtype=int))
        many = np.broadcast_to(logits.numpy(), (500, VOCABULARY))
        assert tokens.tolist() == expected(many, sampler, uniforms).tolist()


def test_many_draws_are_made_a_few_at_a_time(monkeypatch):
    logits, _ = rows(1, 3.0, count=2)
    chosen, uniforms = np.arange(30) % 2, np.linspace(0, 1, 30, endpoint=False)
    tokens = choosing.choose(logits, Sampler(1.0), uniforms, chosen)
    assert tokens.tolist() == expected(logits.numpy()[chosen], Sampler(1.0), uniforms).tolist()
    monkeypatch.setattr(choosing, "_CELLS", 7 * VOCABULARY)
    assert choosing.choose(logits, Sampler(1.0), uniforms, chosen).tolist() == tokens.tolist()


@pytest.mark.parametrize("sampler", [Sampler(0.7, 0.9, 50), Sampler(0.7, 0.9)])
def test_peaked_rows_are_drawn_from_candidates_and_flat_ones_from_all(sampler, monkeypatch):
    read = []
    whole = choosing._whole

    def noted(logits, sampler, uniforms, rows):
        read.extend(rows.tolist())
        return whole(logits, sampler, uniforms, rows)

    monkeypatch.setattr(choosing, "_whole", noted)
    logits, uniforms = rows(2, 10.0, count=6)
    logits[4] = 0.0  # any token can be drawn
    choosing.choose(logits, sampler, uniforms, np.arange(6))
    assert read == [4]


def test_ties_beyond_the_candidates_are_kept():
    logits = torch.full((1, VOCABULARY), -5.0)
    logits[0, 1000:1200] = 2.0  # top_k 50 keeps all 200 of them
    uniforms = np.linspace(0, 1, 2000, endpoint=False)
    tokens = choosing.choose(logits, Sampler(1.0, 1.0, 50), uniforms, np.zeros(2000, dtype=int))
    assert set(tokens) == set(range(1000, 1200))
