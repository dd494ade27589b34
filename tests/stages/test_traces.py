"""Scoring a trace in parts gives what scoring it at once gives."""

import numpy as np
import pandas as pd
import pytest
from helpers.markov import START, MarkovEngine, policy, sample_chain

from cliff_tokens.policies.sampling import Sampler, distribution
from cliff_tokens.stages import traces

SAMPLER = Sampler(temperature=0.8, top_p=0.9, top_k=10)


@pytest.mark.parametrize("length", [1, 256, 600])
def test_a_long_trace_is_scored_as_if_at_once(length):
    rng = np.random.default_rng(length)
    logits = rng.normal(scale=3, size=(length, 40)).astype(np.float32)
    ids = rng.integers(0, 40, length)
    tokens, alternatives = traces.score_trace(logits, ids, SAMPLER, support=20)
    drawn_from = distribution(logits, SAMPLER)
    expected = traces.score_logits(logits, ids, support=20)
    expected["sampler_probability"] = drawn_from[np.arange(length), ids]
    pd.testing.assert_frame_equal(tokens, expected, check_exact=True)
    pd.testing.assert_frame_equal(
        alternatives, traces.other_tokens(drawn_from, ids), check_exact=True
    )


def test_a_model_whose_answers_mostly_cannot_be_read_is_named(caplog):
    engine = MarkovEngine()
    sample_chain(engine, Sampler(1.0), 20)
    assert not caplog.records
    sample_chain(engine, Sampler(1.0), 20, max_tokens=1)
    assert "markov on chain:" in caplog.text
    assert "of 20 answers cannot be read and count as wrong" in caplog.text
    assert "read from: box" in caplog.text


def test_a_token_that_the_model_cannot_have_drawn_is_refused_by_trace_and_place():
    sampler = Sampler(1.0, top_p=0.9)
    engine = MarkovEngine()
    _, drawn = sample_chain(engine, sampler, 4)
    tokens, _ = traces.score(drawn, policy(engine, sampler), 20)
    assert (tokens["sampler_probability"] > 0).all()
    changed = drawn["token_ids"].map(np.copy)
    place = len(changed[2]) // 2
    changed[2][place] = START  # which no state leads to
    with pytest.raises(ValueError, match=rf"{drawn['trace_id'][2]}: token 2 at t={place + 1} has"):
        traces.score(drawn.assign(token_ids=changed), policy(engine, sampler), 20)


def test_traces_of_other_weights_are_refused():
    sampler = Sampler(1.0, top_p=0.7)
    _, drawn = sample_chain(MarkovEngine(seed=1), sampler, 20)
    with pytest.raises(ValueError, match=r"at t=\d+ has probability 0 under the sampler"):
        traces.score(drawn, policy(MarkovEngine(seed=0), sampler), 20)


@pytest.mark.parametrize("support", [0, 4])
def test_tokens_that_are_excluded_add_nothing_to_the_entropy(support):
    logits = np.array([[1.0, 1.0, -np.inf, -np.inf, -np.inf], [-np.inf, 2.0, -np.inf, 0.0, 0.0]])
    found = traces.score_logits(logits, np.array([0, 1]), support)
    p = np.exp([2.0, 0.0, 0.0]) / np.exp([2.0, 0.0, 0.0]).sum()
    assert found["entropy"].tolist() == pytest.approx([np.log(2), -(p * np.log(p)).sum()])
