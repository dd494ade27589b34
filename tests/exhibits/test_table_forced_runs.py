"""What is told of forced runs, and the gain of pooling."""

import numpy as np
import pytest
from helpers.exhibits import INTERVALS, cell, values

from cliff_tokens.stages.forced_runs import compare_counts, dispersion


@pytest.fixture(scope="module")
def runs(chain):
    return compare_counts(chain["potential"], chain["tokens"], chain["traces"])


def test_counts_are_of_all_runs_and_of_those_that_tell(runs):
    given = {"runs": runs, "intervals": INTERVALS, "models": ["markov"]}
    row = cell(values("table_forced_runs", given), model="all")
    told = runs.dropna(subset=["p"])
    assert row["runs"] == len(runs)
    assert row["prefixes"] == runs["prefixes"].sum()
    assert row["n"] == len(told) > 20
    assert row["prefixes_told"] == told["prefixes"].sum()
    assert row["fewer_errors"] == pytest.approx(np.sqrt(runs["prefixes"].mean()))
    assert (row["dispersion"], row["p"]) == pytest.approx(dispersion(runs))
    assert row["dispersion_low"] < row["dispersion"] < row["dispersion_high"]
    assert row["dispersion_low"] < 1 < row["dispersion_high"]


def test_a_model_without_runs_has_a_row_without_rates(runs):
    settings = {"intervals": INTERVALS, "models": ["markov", "none"]}
    row = cell(values("table_forced_runs", {"runs": runs, **settings}), model="none")
    assert row[["prefixes", "runs", "n", "longest"]].tolist() == [0, 0, 0, 0]
    assert row[["fewer_errors", "dispersion", "p", "share_unequal"]].isna().all()
