"""Scoring a trace in parts gives what scoring it at once gives."""

import numpy as np
import pandas as pd
import pytest
from helpers.markov import MarkovEngine, sample_chain

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
