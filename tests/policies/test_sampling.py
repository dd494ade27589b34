"""The sampler's distribution and its random numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cliff_tokens.policies import Policy, sampling
from cliff_tokens.policies.sampling import Sampler

# Multiples of 1/8 without ties: what becomes of a tie at the edge is not the subject here.
logits_of = st.lists(st.integers(-64, 64), min_size=2, max_size=12, unique=True).map(
    lambda eighths: np.array(eighths) / 8
)


def reference(logits, sampler):
    """Temperature, top_k, top_p one token at a time, in plain Python."""
    weights = np.exp((logits - logits.max()) / sampler.temperature)
    if sampler.top_k:
        last = sorted(weights)[::-1][: sampler.top_k][-1]
        weights = np.where(weights < last, 0, weights)
    probabilities = weights / weights.sum()
    mass, last = 0.0, 0.0
    for value in sorted(probabilities)[::-1]:
        mass, last = mass + value, value
        if mass >= sampler.top_p:
            break
    kept = np.where(probabilities < last, 0, probabilities)
    return kept / kept.sum()


@given(
    logits_of,
    st.floats(0.2, 2),
    st.floats(0.05, 0.999),
    st.integers(0, 6),
)
def test_truncation_is_temperature_then_top_k_then_top_p(logits, temperature, top_p, top_k):
    sampler = Sampler(temperature, top_p, top_k)
    found = sampling.distribution(logits[None], sampler)[0]
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, reference(logits, sampler), atol=1e-9)


def test_a_single_survivor_has_probability_exactly_one():
    found = sampling.distribution(np.array([[5.0, 0.0, 0.0]]), Sampler(1.0, 0.95))
    assert found.tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(temperature, bad):
    logits = np.zeros((3, 5))
    logits[1, 2] = bad
    with pytest.raises(FloatingPointError, match="not finite"):
        sampling.distribution(logits, Sampler(temperature))
    with pytest.raises(FloatingPointError, match="not finite"):
        sampling.distribution(np.full((1, 5), -np.inf), Sampler(temperature))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_token_may_be_excluded_by_its_logit(temperature):
    found = sampling.distribution(np.array([[-np.inf, 3.0, -np.inf]]), Sampler(temperature))
    assert found.tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        # Probabilities .6, .3, .0999 and .0001; what lies at an edge is within reach.
        (Sampler(1.0, top_p=0.5), [True, False, False, False]),
        (Sampler(1.0, top_p=0.6 - 1e-4), [True, True, False, False]),
        (Sampler(1.0, top_p=0.9 - 1e-4), [True, True, True, False]),
        (Sampler(1.0, top_k=2), [True, True, False, False]),
        (Sampler(0.0), [True, False, False, False]),
        (Sampler(0.5, top_p=1.0), [True, True, True, True]),
    ],
)
def test_what_rounding_could_have_drawn_is_within_reach(sampler, expected):
    logits = np.log([0.6, 0.3, 0.0999, 0.0001])
    rows, ids = np.repeat(logits[None], 4, axis=0), np.arange(4)
    assert sampling.within_reach(rows, ids, sampler, 1e-3).tolist() == expected
    # With more to round, more: the second of .6 and .3 is a factor of 2 away.
    assert (
        sampling.within_reach(rows, ids, Sampler(0.0), 0.4).tolist() == [True, True] + [False] * 2
    )


def test_greedy_takes_the_lowest_id_of_a_tie():
    found = sampling.distribution(np.array([[1.0, 3.0, 3.0]]), Sampler(0.0))
    assert found.tolist() == [[0.0, 1.0, 0.0]]


def test_draws_follow_the_distribution_and_never_leave_the_support():
    probabilities = np.array([0.0, 0.5, 0.3, 0.0, 0.2])
    rows = np.repeat(probabilities[None], 50_000, axis=0)
    numbers = sampling.uniforms(sampling.streams(1, "test", count=50_000), 0)
    counts = np.bincount(sampling.draw(rows, numbers), minlength=5)
    assert counts[[0, 3]].tolist() == [0, 0]
    kept = probabilities > 0
    assert stats.chisquare(counts[kept], 50_000 * probabilities[kept]).pvalue > 1e-3


@pytest.mark.parametrize("uniform", [0.0, np.nextafter(1.0, 0.0)])
def test_the_ends_of_the_unit_interval_give_tokens_of_the_support(uniform):
    rows = np.array([[0.0, 0.25, 0.75, 0.0]])
    assert sampling.draw(rows, np.array([uniform]))[0] in (1, 2)


def test_streams_are_uniform_within_and_independent_across():
    streams = sampling.streams(3, "trace", 5, count=2000)
    grid = np.stack([sampling.uniforms(streams, step) for step in range(20)])
    assert stats.kstest(grid.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(grid[0], grid[1])[0, 1]) < 0.08
    assert len(np.unique(streams)) == 2000


def test_a_stream_is_named_by_every_part_of_its_key():
    keys = [(1, "a", 2), (1, "a", 3), (2, "a", 2), (1, "b", 2), (1, "a", 2, 0)]
    assert len({int(sampling.stream(*key)) for key in keys}) == len(keys)
    assert sampling.stream(1, "a", 2) == sampling.stream(1, "a", 2)


def test_the_first_streams_do_not_depend_on_how_many_are_asked_for():
    few, many = (sampling.streams(1, "x", count=count) for count in (3, 64))
    assert few.tolist() == many[:3].tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_p": 0},
        {"top_p": 1.5},
        {"top_p": float("nan")},
        {"top_k": -1},
        {"top_k": 2.5},
        {"top_k": float("nan")},
        {"top_k": float("inf")},
    ],
)
def test_a_sampler_that_cannot_be_is_refused_by_the_key(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Sampler(**{"temperature": 1.0, **wrong})


def test_traces_of_another_sampler_are_refused():
    drawn = pd.DataFrame({"trace_id": ["a"], "sampler": [Sampler(0.6).as_json()]})
    Policy(None, None, Sampler(0.6)).check_drew(drawn)
    with pytest.raises(ValueError, match=r"a: drawn with the sampler .*0\.6.*0\.7"):
        Policy(None, None, Sampler(0.7)).check_drew(drawn)
