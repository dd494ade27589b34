"""The stages from traces to resampling on a Markov chain, against its exact potentials."""

import numpy as np
import pandas as pd
import pytest
from helpers.markov import (
    START,
    MarkovEngine,
    count_potential,
    draw,
    policy,
    resample,
    sample_chain,
)
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import resampling
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.independent import (
    collect_potential,
    estimate_independent,
    plan_potential,
)
from cliff_tokens.stages.rollouts import shard
from cliff_tokens.stages.traces import score
from cliff_tokens.statistics import unpooled_error

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
ROLLOUTS = 64


@pytest.fixture(scope="module")
def engine():
    return MarkovEngine(vocabulary=10, seed=4)


@pytest.fixture(scope="module")
def asked(engine):
    """Problems, and a trace of each."""
    return sample_chain(engine, SAMPLER, 15)


@pytest.fixture(scope="module")
def problems(asked):
    return asked[0]


@pytest.fixture(scope="module")
def sampled(asked):
    return asked[1]


def roll_out(engine, sampled, problems, seed=7):
    return count_potential(sampled, problems, policy(engine, SAMPLER), ROLLOUTS, seed)


@pytest.fixture(scope="module")
def counts(engine, sampled, problems):
    return roll_out(engine, sampled, problems)


def on_counts(test, before, after):
    error = unpooled_error(before, after, ROLLOUTS)
    return test.flags((before - after) / ROLLOUTS, error)


def exact(engine, sampled):
    """Exact potential of prefixes 0 .. T of every trace, one row per prefix."""
    values = engine.potentials(SAMPLER)
    return pd.concat(
        pd.DataFrame(
            {
                "trace_id": trace.trace_id,
                "t": range(len(trace.token_ids) + 1),
                "exact": values[np.concatenate([[START], trace.token_ids])],
            }
        )
        for trace in sampled.itertuples()
    )


def test_counts_are_binomial_around_the_exact_potential(engine, sampled, counts):
    joined = counts.merge(exact(engine, sampled), on=["trace_id", "t"])
    inner = joined[joined["exact"].between(0.01, 0.99)]
    error = inner["successes"] - ROLLOUTS * inner["exact"]
    variance = ROLLOUTS * inner["exact"] * (1 - inner["exact"])
    # Each is a false alarm in one of 500 seeds. In four of five the first finds counts that vary
    # 1.7 times as much as they should, the second shares that are all off by .023.
    assert 0.001 < stats.chi2.sf((error**2 / variance).sum(), len(inner)) < 0.999
    assert 0.001 < stats.norm.sf(error.sum() / np.sqrt(variance.sum())) < 0.999
    assert len(inner) > 100


def test_the_rule_flags_unchanged_potential_no_more_often_than_binomial_noise_does(
    engine, sampled, problems
):
    # Neighbouring prefixes of the same state have the same potential: every flag is false.
    test = CliffTest()
    grid = np.arange(ROLLOUTS + 1)
    flags = on_counts(test, grid[:, None], grid[None, :])
    rng = np.random.default_rng(0)
    for value in (0.1, 0.3, 0.5, 0.8):
        weight = stats.binom.pmf(grid, ROLLOUTS, value)
        expected = weight @ flags @ weight
        drawn = rng.binomial(ROLLOUTS, value, (2, 200_000))
        found = int(on_counts(test, *drawn).sum())
        assert stats.binomtest(found, 200_000, expected).pvalue > 1e-3
        assert expected < 0.0035  # the published rule's largest false-positive rate is .3 %


@pytest.mark.parametrize(
    ("drop", "power"), [(0.1, 0.051), (0.2, 0.317), (0.25, 0.56), (0.3, 0.795), (0.4, 0.991)]
)
def test_the_rules_power_from_one_half_is_the_known_one(drop, power):
    grid = np.arange(ROLLOUTS + 1)
    flags = on_counts(CliffTest(), grid[:, None], grid[None, :])
    before = stats.binom.pmf(grid, ROLLOUTS, 0.5)
    after = stats.binom.pmf(grid, ROLLOUTS, 0.5 - drop)
    assert before @ flags @ after == pytest.approx(power, abs=0.005)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_of_independent_drops_cover_as_often_as_they_say(confidence):
    z, grid = stats.norm.isf((1 - confidence) / 2), np.arange(ROLLOUTS + 1)
    drop = (grid[:, None] - grid[None, :]) / ROLLOUTS
    error = unpooled_error(grid[:, None], grid[None, :], ROLLOUTS)
    for before, after in ((0.5, 0.5), (0.6, 0.3), (0.3, 0.1), (0.8, 0.5)):
        inside = np.abs(drop - (before - after)) <= z * error
        weights = (stats.binom.pmf(grid, ROLLOUTS, share) for share in (before, after))
        exact = next(weights) @ inside @ next(weights)
        assert confidence - 0.025 < exact < confidence + 0.025


def test_a_token_the_sampler_is_certain_of_changes_no_potential(engine, sampled):
    scored, _ = score(sampled, policy(engine, SAMPLER), support=20)
    known = exact(engine, sampled)
    before = known.assign(t=known["t"] + 1).rename(columns={"exact": "before"})
    joined = scored.merge(known, on=["trace_id", "t"]).merge(before, on=["trace_id", "t"])
    drop = joined["before"] - joined["exact"]
    assert (drop <= 1 - joined["sampler_probability"] + 1e-9).all()  # V_t-1 - V_t <= 1 - q_t
    assert (joined["sampler_probability"] > 0).all()


def test_counts_do_not_depend_on_shards_or_on_the_order_of_traces(
    engine, sampled, problems, counts
):
    shuffled = sampled.sample(frac=1, random_state=3)
    plan = plan_potential(shuffled, ROLLOUTS)
    parts = [
        draw(shard(plan, number, 3), shuffled, problems, policy(engine, SAMPLER))
        for number in (1, 2, 3)
    ]
    joined = collect_potential(plan, pd.concat(parts))
    joined = joined.sort_values(["trace_id", "t"], ignore_index=True)
    expected = counts.sort_values(["trace_id", "t"], ignore_index=True)
    pd.testing.assert_frame_equal(joined, expected)


def test_another_seed_gives_other_counts_of_the_same_size(engine, sampled, problems, counts):
    other = roll_out(engine, sampled, problems, seed=8)
    assert len(other) == len(counts)
    assert (other["successes"] != counts["successes"]).mean() > 0.3


def test_the_whole_chain_writes_valid_tables(engine, sampled, problems, counts, tmp_path):
    scored, _ = score(sampled, policy(engine, SAMPLER), support=20)
    found = detect(estimate_independent(counts, sampled), sampled, scored, CliffTest(), 0.99)
    assert len(found) >= 5
    matched = resampling.match_controls(
        found, estimate_independent(counts, sampled), scored, sampled
    )
    arms = resample(found, matched, sampled, problems, policy(engine, SAMPLER), ROLLOUTS)
    for name, frame in (
        ("traces", sampled), ("potential", counts), ("tokens", scored),
        ("cliffs", found), ("resampling", arms),
    ):  # fmt: skip
        tables.write(frame, tmp_path / f"{name}.parquet", name, {"rule": "test"})
        again = tables.read(tmp_path / f"{name}.parquet", name)
        assert len(again) == len(frame)
    # Fresh counts of both arms agree with the exact potential of their prefixes.
    joined = arms.rename(columns={"prefix_t": "t"}).merge(
        exact(engine, sampled), on=["trace_id", "t"]
    )
    spread = np.sqrt(ROLLOUTS * joined["exact"] * (1 - joined["exact"]))
    error = (joined["successes"] - ROLLOUTS * joined["exact"]).abs()
    assert (error <= 5 * spread + 1e-9).all()


def test_controls_are_like_their_cliffs_and_never_the_cliff_itself(engine, sampled, counts):
    scored, _ = score(sampled, policy(engine, SAMPLER), support=20)
    found = detect(estimate_independent(counts, sampled), sampled, scored, CliffTest(), 0.99)
    tested = estimate_independent(counts, sampled)
    controls = resampling.match_controls(found, tested, scored, sampled)
    assert len(controls) >= 1
    assert not controls[["trace_id", "t"]].duplicated().any()
    own = controls["cliff_id"].eq(controls["trace_id"] + "@" + controls["t"].astype(str))
    assert not own.any()
    joined = controls.merge(tested, on=["trace_id", "t"]).merge(
        found, on="cliff_id", suffixes=("", "_cliff")
    )
    far = (joined["before"] - joined["before_cliff"]).abs()
    assert far.max() <= resampling.CALIPER


def test_a_missing_prefix_is_an_error_not_a_zero(sampled, counts):
    broken = counts.drop(index=counts.index[5])
    with pytest.raises(ValueError, match=r"expected the potential of prefixes 0 \.\."):
        estimate_independent(broken, sampled)


def test_traces_of_another_sampler_are_refused(engine, sampled, problems):
    with pytest.raises(ValueError, match="sample the traces again"):
        count_potential(sampled, problems, policy(engine, Sampler(0.7)), 4)
