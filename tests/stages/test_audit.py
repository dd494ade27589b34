"""The audit where the truth is known: a Markov chain, and counts from equal potentials."""

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.markov import MarkovEngine, count_potential, policy, resample, sample_chain
from scipy import stats

from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import audit
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.stages.resampling import match_controls
from cliff_tokens.stages.traces import score

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
TEST = CliffTest()


@pytest.fixture(scope="module")
def run():
    return synthetic.run()


@pytest.fixture(scope="module")
def audited(run):
    return audit.audit(run["cliffs"], run["potential"], run["estimates"], run["resampling"], TEST)


@pytest.fixture(scope="module")
def chain():
    """Every stage of the published protocol on a Markov chain, by real rollouts of it."""
    engine = MarkovEngine(vocabulary=10, seed=4)
    chain = policy(engine, SAMPLER)
    problems, sampled = sample_chain(engine, SAMPLER, 60, max_tokens=60)
    # Few rollouts, so that the rule errs often enough to be counted.
    rollouts, loose = 8, CliffTest(margin=0.1, z=0.8)
    counts = count_potential(sampled, problems, chain, rollouts)
    tokens, _ = score(sampled, chain, support=20)
    estimates = estimate_independent(counts, sampled)
    found = detect(estimates, sampled, tokens, loose, certain=0.99)
    matched = match_controls(found, estimates, tokens, sampled)
    fresh = resample(found, matched, sampled, problems, chain, rollouts, seed=8)
    return {
        "tokens": tokens,
        "estimates": estimates,
        "cliffs": found,
        "audit": audit.audit(found, counts, estimates, fresh, loose),
        "rollouts": rollouts,
        "test": loose,
    }


def test_every_flag_on_a_token_that_was_certain_is_impossible(chain):
    certain = chain["cliffs"].loc[chain["cliffs"]["sampler_probability"] == 1, "cliff_id"]
    assert len(certain) > 3
    found = chain["audit"].set_index("cliff_id")
    assert not found.loc[certain, "possible"].any()
    assert (found.loc[certain, "bound"] == 0).all()
    assert (found["possible"] == (found["bound"] > chain["test"].margin)).all()


def test_flags_on_certain_tokens_are_as_many_as_chance_gives(chain):
    tested = chain["estimates"].merge(chain["tokens"], on=["trace_id", "t"], validate="1:1")
    chance = audit.chance(tested, chain["rollouts"], chain["test"])
    by_chance = chance[tested["sampler_probability"] == 1].sum()
    flags = (chain["cliffs"]["sampler_probability"] == 1).sum()
    assert stats.poisson.cdf(flags, by_chance) > 0.001
    assert stats.poisson.sf(flags - 1, by_chance) > 0.001


def test_chance_is_the_rate_of_flags_between_equal_potentials():
    rng = np.random.default_rng(3)
    size = 200_000
    truth = np.repeat(rng.uniform(0.05, 0.95, size // 20), 20)
    counts = rng.binomial(64, truth) / 64
    estimates = pd.DataFrame(
        {
            "trace_id": "m/d/p/0", "t": np.arange(1, size + 1),
            "before": counts, "after": np.append(counts[1:], 0.0),
        }
    )  # fmt: skip
    estimates = estimates[estimates["t"] % 20 != 0]
    error = np.sqrt(sum(p * (1 - p) for p in (estimates["before"], estimates["after"])) / 64)
    flags = TEST.flags(estimates["before"] - estimates["after"], error).sum()
    expected = audit.chance(estimates, 64, TEST).sum()
    assert expected > 100
    assert abs(flags - expected) < 4 * np.sqrt(expected)


def test_chance_is_zero_where_nothing_is_drawn_and_where_all_agree():
    estimates = pd.DataFrame(
        {"trace_id": "m/d/p/0", "t": [1, 2, 3], "before": [1.0, 0.5, 0.5], "after": [1.0, 0.5, 0.0]}
    )
    found = audit.chance(estimates, 64, TEST)
    assert found[0] == 0
    assert 0 < found[1] < 0.01
    assert found[2] == 0  # the last token: the verdict is no draw


def test_exact_p_is_fishers(run):
    estimates = run["estimates"].sample(200, random_state=1)
    found = audit.exact_p(run["potential"], estimates)
    for row, p in zip(estimates.itertuples(), found, strict=True):
        before, after = round(64 * row.before), round(64 * row.after)
        table = [[before, 64 - before], [after, 64 - after]]
        assert p == pytest.approx(stats.fisher_exact(table, "greater").pvalue, abs=1e-12)


def test_the_false_discovery_rate_is_over_every_token_tested(run, audited):
    p = audit.exact_p(run["potential"], run["estimates"])
    ids = run["estimates"]["trace_id"] + "@" + run["estimates"]["t"].astype(str)
    q = pd.Series(stats.false_discovery_control(p), index=ids)
    np.testing.assert_allclose(audited["q_fdr"], q.loc[audited["cliff_id"]])
    # By hand, for the smallest p: m tests, of which one is that small or smaller.
    order = np.sort(p)
    smallest = np.minimum.accumulate((order * len(p) / np.arange(1, len(p) + 1))[::-1])[-1]
    assert q.min() == pytest.approx(smallest)


def test_confirmation_is_the_rule_on_the_arms(run, audited):
    arms = run["resampling"].pivot(index="cliff_id", columns="arm", values="successes")
    row = audited.iloc[0]
    before, after = (arms.loc[row["cliff_id"], arm] / 64 for arm in ("del", "keep"))
    error = np.sqrt((before * (1 - before) + after * (1 - after)) / 64)
    assert row["fresh_drop"] == pytest.approx(before - after)
    assert row["fresh_se"] == pytest.approx(error)
    assert row["confirmed"] == (before - after > 0.1 + 1.645 * error)


def test_a_run_without_cliffs_has_an_audit_without_rows():
    quiet = synthetic.run(problems=3, jump=0)
    found = audit.audit(
        quiet["cliffs"], quiet["potential"], quiet["estimates"], quiet["resampling"], TEST
    )
    assert found.empty


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda r: {**r, "resampling": r["resampling"].iloc[:0]}, "has no fresh rollouts"),
        (lambda r: {**r, "potential": r["potential"].iloc[1:]}, "has an estimate but no counts"),
        (lambda r: {**r, "cliffs": r["cliffs"].assign(t=9999)}, "not among the tokens"),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(run, spoil, said):
    spoiled = spoil(run)
    with pytest.raises(ValueError, match=said):
        audit.audit(
            spoiled["cliffs"].drop_duplicates(["trace_id", "t"]), spoiled["potential"],
            spoiled["estimates"], spoiled["resampling"], TEST,
        )  # fmt: skip
