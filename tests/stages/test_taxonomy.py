"""The kinds of cliffs: what entropy and rank say, and what the threshold means."""

import math

import numpy as np
import pytest

from cliff_tokens.stages.taxonomy import KINDS, entropy_threshold, kinds


@pytest.mark.parametrize(
    ("certain", "nats"), [(0.5, math.log(2)), (0.75, 0.5623), (0.99, 0.0560), (0.999, 0.0079)]
)
def test_the_threshold_is_the_entropy_of_two_tokens(certain, nats):
    assert entropy_threshold(certain) == pytest.approx(nats, abs=5e-5)


@pytest.mark.parametrize("certain", [0.0, 0.49, 1.0, 1.01])
def test_a_probability_that_is_no_majority_is_refused(certain):
    with pytest.raises(ValueError, match=rf"must be in \[0\.5, 1\), found {certain}"):
        entropy_threshold(certain)


def test_every_token_has_one_kind():
    entropy, rank = np.meshgrid([0.0, 0.05, 0.06, 2.0], [1, 2, 30])
    found = kinds(entropy, rank, 0.99)
    assert found.shape == entropy.shape
    assert found.tolist() == [
        ["deterministic", "deterministic", "uncertain", "uncertain"],
        ["other", "other", "sampled_off", "sampled_off"],
        ["other", "other", "sampled_off", "sampled_off"],
    ]
    assert set(found.ravel()) == set(KINDS)


def test_a_token_of_which_the_model_is_certain_is_deterministic():
    # However the rest is spread over one other token, .99 leaves no more entropy than h*.
    top = np.array([0.99, 0.995, 0.9999])
    entropy = -top * np.log(top) - (1 - top) * np.log(1 - top)
    assert set(kinds(entropy, np.ones(3), 0.99)) == {"deterministic"}
    assert set(kinds(entropy[:1], np.ones(1), 0.995)) == {"uncertain"}


def test_no_token_has_no_kind():
    assert kinds(np.array([]), np.array([]), 0.99).tolist() == []
