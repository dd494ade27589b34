"""Errors of estimators against a known truth."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import INTERVALS
from helpers.synthetic import CERTAIN, TEST

from cliff_tokens import tables
from cliff_tokens.exhibits import table_estimators
from cliff_tokens.exhibits.estimator_errors import compare_errors, square_errors
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.recursion import estimate_recursive, unsmoothed_errors
from cliff_tokens.stages.simulated_draws import Truth, draw_branches

ROUNDS = {"independent": ["independent"]}
ROLLOUTS = 16  # of the chain's potential
NO_POTENTIAL, NO_BRANCHES = tables.empty("potential"), tables.empty("branches")


def compare(estimates, chain):
    reference, traces = chain["reference"], chain["traces"]
    return compare_errors(
        estimates, chain["potential"], NO_BRANCHES, reference, traces, ROUNDS, INTERVALS, ["markov"]
    )


def test_the_truth_has_no_error_and_all_of_its_drops(chain):
    exact = chain["exact"].assign(estimator="independent")
    found = detect(exact, chain["traces"], chain["tokens"], TEST, CERTAIN)
    known = chain["reference"].assign(estimator="independent")  # what its branches say
    frame = table_estimators.values(
        known, found.assign(estimator="independent"), chain["potential"], NO_BRANCHES, exact,
        chain["branches"], chain["traces"], chain["tokens"], ROUNDS, TEST, INTERVALS, ["markov"],
    )  # fmt: skip
    row = frame.set_index("model").loc["markov"]
    assert row["rmse"] == 0
    assert (square_errors(exact, exact)["error"] == 0).all()
    assert row["precision"] == row["recall"] == row["cost"] == 1
    assert row["flags"] == row["true_drops"] == (exact["before"] - exact["after"] > 0.1).sum()
    assert row["undecided"] == 0


def test_the_error_is_that_of_independent_rollouts_and_not_of_the_reference(chain):
    exact = chain["exact"]
    wanted = np.sqrt((exact["before"] * (1 - exact["before"]) / ROLLOUTS).mean())
    row = compare(chain["independent"], chain).iloc[0]
    assert row["rmse"] == pytest.approx(wanted, rel=0.15)
    assert row["rmse_low"] < row["rmse"] < row["rmse_high"]
    noisy = square_errors(chain["independent"], chain["reference"].assign(before_se=0.0))
    assert np.sqrt(noisy["error"].mean()) > row["rmse"]


def test_no_more_is_taken_off_than_the_noise_of_the_reference(chain):
    """What is without error has none on average against references of sixteen branches."""
    names = ("traces", "tokens", "alternatives", "reference", "branches")
    truth, rng = Truth(*(chain[name] for name in names)), np.random.default_rng(1)
    noise, errors, of_smoothed = [], [], []
    for _ in range(40):
        branches = draw_branches(truth, 16, rng)
        tables_of_it = truth.traces, truth.tokens, branches
        smoothed, known = estimate_recursive(*tables_of_it), unsmoothed_errors(*tables_of_it)
        noise.append(square_errors(truth.reference, known.assign(before_se=0.0))["error"].mean())
        errors.append(square_errors(truth.reference, known)["error"].mean())
        of_smoothed.append(square_errors(truth.reference, smoothed)["error"].mean())
    assert abs(np.mean(errors)) < 0.1 * np.mean(noise)  # it comes out at .04
    assert np.mean(of_smoothed) < -0.2 * np.mean(noise)


def test_the_cost_of_an_estimator_is_that_of_all_its_rounds():
    trace_id, axes = "m/d/p/0", {"model": "m", "dataset": "d", "trace_id": "m/d/p/0"}
    traces = pd.DataFrame({"problem_id": ["p"], **axes})
    reference = pd.DataFrame({"trace_id": trace_id, "t": [1, 2], "before": 0.5, "before_se": 0.0})
    estimates = pd.concat(
        reference.assign(estimator=name, before=0.5 + error)
        for name, error in (("independent", 0.2), ("recursive", 0.2), ("adaptive", 0.1))
    )
    more = estimates[estimates["estimator"].ne("independent")].assign(trace_id="m/d/q/0")
    estimates = pd.concat([estimates, more])
    potential = pd.DataFrame({**axes, "rollouts": [8], "generated_tokens": [100]})
    branches = pd.DataFrame(
        {**axes, "draws": ["recursive", "adaptive", "reference"], "rollouts": [2, 1, 99],
         "generated_tokens": [20, 30, 999]}
    )  # fmt: skip
    # Of another trace, which independent rollouts were not drawn on.
    branches = pd.concat([branches, branches.assign(trace_id="m/d/q/0")])
    rounds = {
        "independent": ["independent"],
        "recursive": ["recursive"],
        "adaptive": ["recursive", "adaptive"],
    }
    frame = compare_errors(
        estimates, potential, branches, reference, traces, rounds, INTERVALS, ["m"]
    )
    rows = frame[frame["model"].eq("m")].set_index("estimator")
    assert rows["rollouts"].to_dict() == {"independent": 8, "recursive": 2, "adaptive": 3}
    assert rows["cost"].to_dict() == {"independent": 1.0, "recursive": 0.2, "adaptive": 0.5}
    # A quarter of the squared error, for half of the tokens.
    assert rows.loc["adaptive", "cost_at_equal_error"] == pytest.approx(0.125)


def test_without_independent_rollouts_there_is_nothing_to_set_the_cost_against(chain):
    estimates = chain["reference"].assign(estimator="recursive")
    branches = chain["branches"].assign(draws="recursive")
    frame = compare_errors(
        estimates, NO_POTENTIAL, branches, chain["reference"], chain["traces"],
        {"recursive": ["recursive"]}, INTERVALS, ["markov"],
    )  # fmt: skip
    assert (frame["generated_tokens"] == branches["generated_tokens"].sum()).all()
    assert frame[["cost", "cost_at_equal_error"]].isna().all(axis=None)


def test_estimates_of_other_tokens_are_refused(chain):
    with pytest.raises(ValueError, match="not of the same tokens"):
        compare(chain["independent"].iloc[1:], chain)
