"""Scores against a known truth, and simulated protocols against real draws of a Markov chain."""

import numpy as np
import pandas as pd
import pytest
from helpers.markov import MarkovEngine, MarkovTokenizer, sample_chain
from scipy import stats

from cliff_tokens.exhibits import truth
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import cliffs, recursion, simulation, traces
from cliff_tokens.stages import independent as potential
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.grading import Grader
from cliff_tokens.statistics import Intervals, unpooled_error

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
TEST = CliffTest()
CERTAIN = 0.99
ROLLOUTS = 16
INTERVALS = Intervals(confidence=0.95, repetitions=200, seed=1)


@pytest.fixture(scope="module")
def chain():
    """Traces of a Markov chain, its exact estimates as reference, real independent rollouts."""
    engine, tokenizer = MarkovEngine(vocabulary=10, seed=4), MarkovTokenizer()
    problems, sampled = sample_chain(engine, SAMPLER, 25)
    with Grader() as grader:
        counts = potential.roll_out(
            sampled, problems, engine, tokenizer, SAMPLER, grader, count=ROLLOUTS, seed=7
        )
        tokens, alternatives = traces.score(sampled, engine, tokenizer, SAMPLER, support=20)
        planned = recursion.plan(tokens, alternatives, 128, 1, "reference")
        branches = recursion.roll_out(
            sampled, planned, problems, engine, tokenizer, SAMPLER, grader,
            name="reference", seed=1,
        )  # fmt: skip
    values = engine.potentials(SAMPLER)
    ids = tokens.sort_values(["trace_id", "t"])
    last = ids["trace_id"].ne(ids["trace_id"].shift(1))
    states = np.where(last, 2, ids["token_id"].shift(1, fill_value=2))
    exact = ids[["trace_id", "t"]].assign(
        before=values[states], after=values[ids["token_id"]], before_se=0.0, drop_se=0.0
    )
    return {
        "traces": sampled,
        "counts": counts,
        "tokens": tokens,
        "alternatives": alternatives,
        "branches": branches,
        "exact": exact,
        "independent": potential.estimate(counts, sampled),
        "reference": recursion.estimate(sampled, tokens, branches),
    }


def catalogue(estimates, chain):
    return cliffs.detect(estimates, chain["traces"], chain["tokens"], TEST, CERTAIN)


def test_the_truth_has_no_error_and_all_of_its_drops(chain):
    exact, tokens = chain["exact"], chain["tokens"]
    found = catalogue(exact, chain)
    summary = truth.estimators(
        {"independent": exact}, {"independent": found}, {"independent": chain["counts"]},
        exact, tokens, TEST.margin, CERTAIN, INTERVALS,
    )  # fmt: skip
    row = summary.set_index("model").loc["markov"]
    assert row["rmse"] == 0
    assert row["precision"] == row["recall"] == row["cost"] == 1
    assert row["flags"] == row["true_drops"] == (exact["before"] - exact["after"] > 0.1).sum()
    assert row["undecided"] == 0


def test_the_error_is_that_of_independent_rollouts_and_not_of_the_reference(chain):
    exact = chain["exact"]
    wanted = np.sqrt((exact["before"] * (1 - exact["before"]) / ROLLOUTS).mean())
    found = truth.errors(
        {"independent": chain["independent"]}, {"independent": chain["counts"]},
        chain["reference"], INTERVALS,
    ).iloc[0]  # fmt: skip
    assert found["rmse"] == pytest.approx(wanted, rel=0.15)
    assert found["rmse_low"] < found["rmse"] < found["rmse_high"]
    noisy = truth.square_errors(chain["independent"], chain["reference"].assign(before_se=0.0))
    assert np.sqrt(noisy["error"].mean()) > found["rmse"]


def test_precision_and_recall_are_counted_by_kind(chain):
    found = catalogue(chain["independent"], chain)
    summary = truth.catalogues(
        {"independent": found}, chain["exact"], chain["tokens"], TEST.margin, CERTAIN, INTERVALS
    )
    rows = summary[summary["model"].eq("markov")].set_index("kind")
    counts = ["n", "flags", "true_flags", "true_drops", "undecided"]
    pd.testing.assert_series_equal(
        rows[counts].drop(index="all").sum(), rows.loc["all", counts].astype(int), check_names=False
    )
    exact = chain["exact"].set_index(["trace_id", "t"])
    drops = (exact["before"] - exact["after"]).loc[
        pd.MultiIndex.from_frame(found[["trace_id", "t"]])
    ]
    assert rows.loc["all", "flags"] == len(found)
    assert rows.loc["all", "precision"] == pytest.approx((drops > 0.1).mean())


def test_the_audited_catalogue_keeps_what_is_possible_and_confirmed():
    found = pd.DataFrame({"cliff_id": list("abcd")})
    audit = found.assign(possible=[True, True, False, False], confirmed=[True, False, True, False])
    assert truth.audited(found, audit)["cliff_id"].tolist() == ["a"]


def test_estimates_of_other_tokens_are_refused(chain):
    with pytest.raises(ValueError, match="not of the same tokens"):
        truth.errors(
            {"independent": chain["independent"].iloc[1:]}, {"independent": chain["counts"]},
            chain["reference"], INTERVALS,
        )  # fmt: skip


def test_simulated_rollouts_are_distributed_as_real_ones(chain):
    """Counts at every prefix from the exact potential: real ones lie among simulated ones."""
    rng = np.random.default_rng(0)
    exact = chain["exact"].sort_values(["trace_id", "t"])
    spread = np.sqrt(exact["before"] * (1 - exact["before"]) / ROLLOUTS).to_numpy()
    inner = spread > 0

    def standardized(estimates):
        ordered = estimates.sort_values(["trace_id", "t"])
        return ((ordered["before"].to_numpy() - exact["before"]) / spread).to_numpy()[inner]

    real = standardized(chain["independent"])
    drawn = np.concatenate(
        [standardized(simulation.independent(chain["exact"], ROLLOUTS, rng)) for _ in range(20)]
    )
    assert stats.ks_2samp(real, drawn).pvalue > 0.001
    assert abs(drawn.mean()) < 4 / np.sqrt(len(drawn))
    assert drawn.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(drawn)))


def test_simulated_and_real_estimates_have_the_same_errors_of_drops(chain):
    real = chain["independent"]
    drawn = simulation.independent(chain["exact"], ROLLOUTS, np.random.default_rng(1))
    assert drawn[["trace_id", "t"]].equals(real[["trace_id", "t"]])
    last = drawn["trace_id"].ne(drawn["trace_id"].shift(-1))
    assert drawn.loc[last, "after"].equals(real.loc[last, "after"])
    wanted = unpooled_error(drawn["before"] * ROLLOUTS, drawn["after"] * ROLLOUTS, ROLLOUTS)
    np.testing.assert_allclose(drawn["drop_se"], wanted)


def test_simulated_false_flags_stay_within_binomial_limits(chain):
    """At every token the chance of a flag is known exactly; their sum has a known spread."""
    exact = chain["exact"].sort_values(["trace_id", "t"], ignore_index=True)
    counts = np.arange(ROLLOUTS + 1)
    drop = (counts[:, None] - counts[None, :]) / ROLLOUTS
    flags = TEST.flags(drop, unpooled_error(counts[:, None], counts[None, :], ROLLOUTS))
    before = stats.binom.pmf(counts, ROLLOUTS, exact["before"].to_numpy()[:, None])
    after = stats.binom.pmf(counts, ROLLOUTS, exact["after"].to_numpy()[:, None])
    chance = np.einsum("ti,ij,tj->t", before, flags, after)
    false = (exact["before"] - exact["after"] <= 0.1).to_numpy()
    repetitions = 50
    found = simulation.protocol(
        exact, chain["tokens"], None, ROLLOUTS, repetitions, TEST, CERTAIN, INTERVALS
    )
    row = found[found["model"].eq("markov") & found["kind"].eq("all")].iloc[0]
    # Neighbors share a count, so the variance of the sum is at most thrice the binomial one.
    spread = np.sqrt(3 * (chance * (1 - chance))[false].sum() / repetitions)
    assert abs(row["false_flags"] - chance[false].sum()) < 4 * spread
    assert row["flags_low"] <= row["flags"] <= row["flags_high"]
    assert pd.isna(row["real_flags"])


def test_the_real_protocol_flags_as_often_as_the_simulated_one(chain):
    found = simulation.protocol(
        chain["exact"], chain["tokens"], catalogue(chain["independent"], chain), ROLLOUTS, 40,
        TEST, CERTAIN, INTERVALS,
    )  # fmt: skip
    row = found[found["model"].eq("markov") & found["kind"].eq("all")].iloc[0]
    assert abs(row["real_flags"] - row["flags"]) < 4 * np.sqrt(row["flags"])
    assert row["real_false_flags"] <= row["real_flags"]


def test_simulated_branches_give_back_the_reference(chain):
    rng = np.random.default_rng(2)
    wanted = chain["reference"].set_index(["trace_id", "t"])["before"]
    found = []
    for _ in range(30):
        drawn = simulation.branches(
            chain["tokens"], chain["alternatives"], chain["branches"], 64, rng
        )
        estimates = recursion.estimate(chain["traces"], chain["tokens"], drawn)
        found.append(estimates.set_index(["trace_id", "t"])["before"])
    error = pd.concat(found, axis=1).mean(axis=1) - wanted
    # The reference rounds its shares of first tokens to whole branches.
    assert error.abs().mean() < 0.01


def test_expected_lengths_are_those_of_real_rollouts(chain):
    found = simulation.lengths(chain["tokens"], chain["branches"])
    real = chain["counts"].assign(t=chain["counts"]["t"] + 1).merge(found, on=["trace_id", "t"])
    ratio = real["generated_tokens"].sum() / (ROLLOUTS * real["length"].sum())
    assert ratio == pytest.approx(1, abs=0.05)


def test_the_curve_falls_with_cost_as_one_over_its_root(chain):
    found = simulation.curve(
        chain["traces"], chain["tokens"], chain["alternatives"], chain["reference"],
        chain["branches"], 1,
    )  # fmt: skip
    for name, line in found.groupby("estimator"):
        line = line.sort_values("rollouts")
        assert (line["rmse"].diff().dropna() < 0).all(), name
    rows = found.set_index(["estimator", "rollouts"])
    slope = rows.loc[("independent", 8), "rmse"] / rows.loc[("independent", 128), "rmse"]
    assert slope == pytest.approx(4, rel=0.2)
    assert (
        rows.loc[("recursive", 64), "generated_tokens"]
        < rows.loc[("independent", 64), "generated_tokens"]
    )
    assert rows.loc[("recursive", 64), "rmse"] < rows.loc[("independent", 64), "rmse"]
