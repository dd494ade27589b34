"""Simulated passes: their tables, what no pass flags, and what their draws are keyed by."""

import pandas as pd
import pytest
from helpers.synthetic import TEST

from cliff_tokens import tables
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.passes import AUDITED, CATALOGUES, simulate_flags
from cliff_tokens.stages.simulated_draws import Truth

REPETITIONS = 4


@pytest.fixture(scope="module")
def truth(chain):
    names = ("traces", "tokens", "alternatives", "exact", "branches")
    return Truth(*(chain[name] for name in names))


def flags_of(truth, repetitions=REPETITIONS, seed=1):
    return simulate_flags(truth, Protocol(16, 16, 1.0), 16, repetitions, TEST, seed)


def test_flags_are_a_table(truth, tmp_path):
    flags = flags_of(truth)
    tables.write(flags, tmp_path / "flags.parquet", "simulated_flags", {})
    assert set(flags["estimator"]) == set(CATALOGUES)
    assert set(flags["repetition"]) == set(range(REPETITIONS))
    assert not flags.duplicated().any()


def test_no_pass_but_the_published_flags_what_cannot_fall(truth):
    """A drop is at most 1 - q, so that an audit and all that reads branches flag none above it."""
    flags = flags_of(truth).merge(truth.tokens, on=tables.PLACE)
    flags = flags[1 - flags["sampler_probability"] <= TEST.margin]
    assert set(flags["estimator"]) == {"independent"}


def test_an_audit_keeps_fewer(truth):
    counts = flags_of(truth, 20)["estimator"].value_counts()
    assert counts[AUDITED] < counts["independent"]


def test_a_pass_does_not_depend_on_how_many_follow(truth):
    columns = ["estimator", "repetition", *tables.PLACE]
    some, more = (
        flags_of(truth, repetitions).sort_values(columns, ignore_index=True)[columns]
        for repetitions in (2, REPETITIONS)
    )
    more = more[more["repetition"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, more)
    other = flags_of(truth, 2, seed=2).sort_values(columns, ignore_index=True)[columns]
    assert not some.equals(other)
