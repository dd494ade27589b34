"""Forced runs on a Markov chain of known potentials, and where counts depend on each other."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers.markov import START, MarkovEngine, count_potential, policy, sample_chain
from scipy import special, stats

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import forced_runs
from cliff_tokens.stages.audit import audit_published
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.stages.traces import score

SAMPLER = Sampler(temperature=1.0, top_p=0.6)  # a third of the tokens leave no choice
PLACE = ["trace_id", "t"]


@pytest.fixture(scope="module")
def chain():
    engine = MarkovEngine(vocabulary=14, seed=14)
    walker = policy(engine, SAMPLER)
    problems, traces = sample_chain(engine, SAMPLER, 150)
    potential = count_potential(traces, problems, walker, 16)
    tokens, _ = score(traces, walker, support=20)
    values = engine.potentials(SAMPLER)
    before = tokens.sort_values(PLACE, ignore_index=True)
    first = before["trace_id"].ne(before["trace_id"].shift(1))
    states = np.where(first, START, before["token_id"].shift(1, fill_value=START))
    exact = before[["trace_id"]].assign(t=before["t"] - 1, exact=values[states])
    return {"traces": traces, "potential": potential, "tokens": tokens, "exact": exact}


@pytest.fixture(scope="module")
def runs(chain):
    return forced_runs.compare_counts(chain["potential"], chain["tokens"], chain["traces"])


def counts(successes, rollouts=64, trace_id="m/d/p/0"):
    """One forced run: its potential, tokens and traces."""
    size = len(successes)
    potential = pd.DataFrame({"trace_id": trace_id, "t": range(size)}).assign(
        successes=successes, rollouts=rollouts
    )
    tokens = potential[PLACE].assign(sampler_probability=1.0)
    traces = pd.DataFrame({"trace_id": [trace_id], "model": "m", "dataset": "d", "problem_id": "p"})
    return potential, tokens, traces


def many(rng, draw, size=1500):
    """Runs of many lengths and potentials, the counts of each made by ``draw``(potential, size)."""
    parts = []
    for number in range(size):
        length, truth = int(rng.integers(2, 25)), rng.uniform(0.05, 0.95)
        parts.append(counts(draw(truth, length), trace_id=f"m/d/p{number:04d}/0"))
    found = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    return forced_runs.compare_counts(*found)


def test_all_prefixes_of_a_run_have_one_potential_and_runs_hold_every_prefix(chain, runs):
    rows = forced_runs.number_runs(chain["potential"], chain["tokens"]).merge(chain["exact"])
    assert len(rows) == len(chain["potential"]) == runs["prefixes"].sum()
    assert rows.groupby("run")["exact"].agg(np.ptp).max() < 1e-9
    assert rows.groupby("run")["trace_id"].nunique().max() == 1
    # No run could be longer: between two of a trace the sampler had a choice.
    assert rows["run"].nunique() == len(runs) < 0.75 * len(rows)


def test_the_pooled_potential_is_unbiased_and_errs_less(chain, runs):
    single = chain["potential"].merge(chain["exact"])
    pooled = forced_runs.pool(chain["potential"], chain["tokens"]).merge(chain["exact"])
    errors = {}
    for name, frame in (("single", single), ("pooled", pooled)):
        error = frame["successes"] / frame["rollouts"] - frame["exact"]
        by_trace = error.groupby(frame["trace_id"]).mean()
        assert abs(by_trace.mean()) < 4 * by_trace.sem(), name
        errors[name] = np.sqrt(np.mean(error**2))
    # A run of L prefixes has 1/L of the variance; where all are of one variance that is a mean.
    expected = np.sqrt(len(runs) / runs["prefixes"].sum())
    assert errors["pooled"] / errors["single"] == pytest.approx(expected, rel=0.15)


def test_rollouts_of_the_chain_are_told_to_be_independent(runs):
    told = runs.dropna(subset=["p"])
    assert len(told) > 200
    ratio, p = forced_runs.dispersion(runs)
    assert 0.85 < ratio < 1.15
    assert p > 0.001


def test_mean_and_variance_are_those_of_all_tables_with_these_margins():
    rollouts, total = np.array([4, 6, 3]), 5
    ways = [
        np.array(k) for k in itertools.product(*(range(n + 1) for n in rollouts)) if sum(k) == total
    ]
    weights = np.array([np.prod(special.comb(rollouts, k)) for k in ways])
    weights /= special.comb(rollouts.sum(), total)
    share = total / rollouts.sum()
    chi2 = np.array(
        [np.sum((k - rollouts * share) ** 2 / (rollouts * share * (1 - share))) for k in ways]
    )
    found = forced_runs.compare_counts(*counts([2, 2, 1], rollouts)).iloc[0]
    assert found["chi2"] == pytest.approx(chi2[[tuple(k) for k in ways].index((2, 2, 1))])
    assert found["chi2_mean"] == pytest.approx(weights @ chi2)
    assert found["chi2_variance"] == pytest.approx(weights @ chi2**2 - (weights @ chi2) ** 2)


def test_under_independence_the_test_has_its_level():
    rng = np.random.default_rng(1)
    runs = many(rng, lambda truth, size: rng.binomial(64, truth, size))
    for level in (0.01, 0.05, 0.1):
        rejected = (runs["p"] < level).sum()
        assert stats.binom.cdf(rejected, len(runs), level) > 0.001
        assert stats.binom.sf(rejected - 1, len(runs), level) > 0.001
    assert forced_runs.dispersion(runs)[1] > 0.01


def test_rollouts_that_come_in_equal_pairs_are_detected():
    rng = np.random.default_rng(2)
    runs = many(rng, lambda truth, size: 2 * rng.binomial(32, truth, size), 200)
    ratio, p = forced_runs.dispersion(runs)
    assert ratio == pytest.approx(2, rel=0.1)
    assert p < 1e-12
    assert (runs["p"] < 0.05).mean() > 0.3


def test_rollouts_that_successive_prefixes_share_are_detected():
    rng = np.random.default_rng(3)

    def half_shared(truth, size):
        return rng.binomial(32, truth) + rng.binomial(32, truth, size)

    runs = many(rng, half_shared, 200)
    ratio, p = forced_runs.dispersion(runs)
    assert ratio == pytest.approx(0.5, rel=0.1)
    assert p < 1e-12


def test_where_all_rollouts_agree_or_a_run_is_one_prefix_nothing_is_told():
    for successes in ([0, 0, 0], [64, 64], [30]):
        found = forced_runs.compare_counts(*counts(successes))
        assert found["prefixes"].tolist() == [len(successes)]
        assert found[["chi2", "chi2_mean", "chi2_variance", "p"]].isna().all(axis=None)
        assert np.isnan(forced_runs.dispersion(found)).all()


def test_a_prefix_that_was_not_measured_ends_a_run():
    potential, tokens, traces = counts([30, 31, 32, 33, 34])
    potential["successes"] = potential["successes"].astype("Int16").where(potential["t"].ne(2))
    found = forced_runs.compare_counts(potential, tokens, traces)
    assert found["first"].tolist() == [0, 3]
    assert found["prefixes"].tolist() == [2, 2]
    assert found["total_rollouts"].tolist() == [128, 128]


def test_tables_that_do_not_belong_together_are_refused():
    potential, tokens, traces = counts([30, 31, 32])
    with pytest.raises(ValueError, match="m/d/p/0: no score of token 2; score the traces again"):
        forced_runs.pool(potential, tokens[tokens["t"].ne(2)])
    with pytest.raises(ValueError, match="has counts but is not among the traces"):
        forced_runs.compare_counts(potential, tokens, traces.assign(trace_id="m/d/q/0"))


def test_the_table_is_written(runs, tmp_path):
    tables.write(runs, tmp_path / "runs.parquet", "forced_runs", {})
    stored = tables.read(tmp_path / "runs.parquet", "forced_runs")
    assert stored["p"].isna().sum() == runs["p"].isna().sum() > 0


@pytest.fixture(scope="module")
def cliffs(chain):
    loose = CliffTest(margin=0.1, z=0.8)
    estimates = estimate_independent(chain["potential"], chain["traces"])
    inside = estimates["t"] < estimates.groupby("trace_id")["t"].transform("max")
    estimates = estimates[inside]
    found = detect(estimates, chain["traces"], chain["tokens"], loose, certain=0.99)
    rests = forced_runs.rest_of_runs(found, chain["potential"], chain["tokens"])
    return rests, audit_published(rests, chain["potential"], estimates, loose)


def test_the_rest_of_both_runs_did_not_select_the_cliff(chain, cliffs):
    rests, audited = cliffs
    exact = chain["exact"].set_index(PLACE)["exact"]
    truth = np.array(
        [exact[row.trace_id, row.t - 1] - exact[row.trace_id, row.t] for row in rests.itertuples()]
    )
    audited = audited.set_index("cliff_id").loc[rests["cliff_id"]]
    told = audited["rest_drop"].notna().to_numpy()
    assert told.sum() > 30
    # Selected drops are too large on average, those of the rest are not.
    error = (audited["rest_drop"].to_numpy() - truth)[told]
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    luck = (audited["selected_drop"].to_numpy() - truth)[told]
    assert luck.mean() > 4 * luck.std() / np.sqrt(len(luck))


def test_a_cliff_inside_a_run_has_no_drop_left(cliffs):
    rests, audited = cliffs
    inside = audited[audited["bound"].eq(0)]
    assert len(inside) > 3
    assert inside["rest_drop"].dropna().eq(0).all()
    assert not inside["possible"].any()
    assert not inside["confirmed"].dropna().any()
    same = rests[rests["sampler_probability"].eq(1)]
    assert same["successes_before"].equals(same["successes_after"])
    assert (rests["rollouts_before"] >= 0).all()


def test_a_cliff_without_counts_is_refused(chain, cliffs):
    rests, _ = cliffs
    with pytest.raises(ValueError, match="has a cliff at 999 but no counts there"):
        forced_runs.rest_of_runs(rests.assign(t=999), chain["potential"], chain["tokens"])
