"""The recursive estimator against the exact potentials of a Markov chain."""

import numpy as np
import pandas as pd
import pytest
from helpers.markov import START, MarkovEngine, count_branches, policy, sample_chain
from scipy import stats

from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.recursion import (
    as_branches,
    estimate_recursive,
    plan_branches,
    plan_second_round,
)
from cliff_tokens.stages.traces import score

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
ROLLOUTS = 64
REPETITIONS = 200


@pytest.fixture(scope="module")
def chain():
    """Traces, tokens, alternatives, and the exact potential before and after each token."""
    engine = MarkovEngine(vocabulary=10, seed=4)
    _, sampled = sample_chain(engine, SAMPLER, 40)
    tokens, alternatives = score(sampled, policy(engine, SAMPLER), support=20)
    values = engine.potentials(SAMPLER)
    exact = pd.concat(
        pd.DataFrame(
            {
                "trace_id": trace.trace_id,
                "t": np.arange(1, len(trace.token_ids) + 1),
                "exact_before": values[np.concatenate([[START], trace.token_ids[:-1]])],
                "exact_after": values[trace.token_ids],
            }
        )
        for trace in sampled.itertuples()
    )
    return sampled, tokens, alternatives, exact, values


def drawn(chain, rng, rollouts=ROLLOUTS):
    """Branch counts as rollouts of the chain would give them."""
    _, tokens, alternatives, _, values = chain
    seed = int(rng.integers(2**31))
    planned = as_branches(plan_branches(tokens, alternatives, rollouts, seed, "plan"))
    return planned.assign(
        successes=rng.binomial(planned["rollouts"], values[planned["first_token_id"]])
    )


@pytest.fixture(scope="module")
def repeated(chain):
    """Estimates of many repetitions, each row beside the exact values."""
    sampled, tokens, _, exact, _ = chain
    rng = np.random.default_rng(0)
    return [
        estimate_recursive(sampled, tokens, drawn(chain, rng)).merge(exact, on=["trace_id", "t"])
        for _ in range(REPETITIONS)
    ]


def errors(repeated):
    return np.array([frame["before"] - frame["exact_before"] for frame in repeated])


def test_the_estimate_is_unbiased_at_every_prefix(repeated):
    error = errors(repeated)
    spread = error.std(axis=0, ddof=1) / np.sqrt(REPETITIONS)
    moving = spread > 1e-12
    z = error.mean(axis=0)[moving] / spread[moving]
    limit = stats.norm.isf(0.001 / moving.sum())
    assert moving.sum() > 200
    assert np.abs(z).max() < limit


def test_no_prefix_has_more_variance_than_independent_rollouts(chain, repeated):
    exact = chain[3]["exact_before"].to_numpy()
    found = (errors(repeated) ** 2).mean(axis=0)
    allowed = exact * (1 - exact) / ROLLOUTS
    # A mean of squares of REPETITIONS draws spreads by sqrt(2 / REPETITIONS) around its value.
    assert (found <= allowed * (1 + 5 * np.sqrt(2 / REPETITIONS)) + 1e-12).all()
    assert found.mean() < 0.75 * allowed.mean()


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_of_drops_cover_at_least_as_often_as_they_say(repeated, confidence):
    z = stats.norm.isf((1 - confidence) / 2)
    inside, total = 0, 0
    for frame in repeated:
        measured = frame[frame["drop_se"] > 0]
        error = (measured["before"] - measured["after"]) - (
            measured["exact_before"] - measured["exact_after"]
        )
        inside += (error.abs() <= z * measured["drop_se"]).sum()
        total += len(measured)
    assert inside / total > confidence - 0.01
    assert inside / total < confidence + 0.04  # not so wide as to say nothing


def test_the_rule_on_recursive_drops_seldom_flags_what_is_below_the_margin(repeated):
    false, small, true, large = 0, 0, 0, 0
    for frame in repeated:
        exact_drop = frame["exact_before"] - frame["exact_after"]
        flagged = frame["before"] - frame["after"] > 0.1 + 1.645 * frame["drop_se"]
        false += (flagged & (exact_drop <= 0.1)).sum()
        small += (exact_drop <= 0.1).sum()
        true += (flagged & (exact_drop > 0.3)).sum()
        large += (exact_drop > 0.3).sum()
    assert false / small < 0.003
    assert true / large > 0.9


def test_a_certain_token_changes_nothing_and_takes_no_rollouts(chain):
    sampled, tokens, alternatives, _, _ = chain
    counts = drawn(chain, np.random.default_rng(1))
    found = estimate_recursive(sampled, tokens, counts).merge(tokens, on=["trace_id", "t"])
    certain = found[found["sampler_probability"] == 1]
    assert len(certain) > 0
    assert (certain["before"] == certain["after"]).all()
    assert (certain["drop_se"] == 0).all()
    assert not len(certain.merge(counts, on=["trace_id", "t"]))
    assert not len(certain.merge(alternatives, on=["trace_id", "t"]))


def test_no_drop_exceeds_what_the_other_tokens_could_have_carried(chain, repeated):
    bound = 1 - chain[1].sort_values(["trace_id", "t"])["sampler_probability"].to_numpy()
    for frame in repeated[:5]:
        ordered = frame.sort_values(["trace_id", "t"])
        assert ((ordered["before"] - ordered["after"]).to_numpy() <= bound + 1e-9).all()


def test_few_branches_never_claim_certainty(chain):
    sampled, tokens, _, _, _ = chain
    counts = drawn(chain, np.random.default_rng(2), rollouts=2)
    found = estimate_recursive(sampled, tokens, counts.assign(successes=0))
    uncertain = tokens.merge(found, on=["trace_id", "t"])["sampler_probability"] < 1
    assert (found.merge(tokens, on=["trace_id", "t"])["drop_se"][uncertain] > 0).all()


def test_branches_are_shared_in_proportion_and_add_up(chain):
    _, tokens, alternatives, _, _ = chain
    plans = [
        as_branches(plan_branches(tokens, alternatives, ROLLOUTS, seed, "plan"))
        for seed in range(50)
    ]
    q = tokens.set_index(["trace_id", "t"])["sampler_probability"]
    expected = np.ceil(ROLLOUTS * (1 - q) - 1e-9)
    for planned in plans:
        total = planned.groupby(["trace_id", "t"])["rollouts"].sum()
        assert (total == expected[expected > 0]).all()
    share = alternatives.merge(expected.rename("n"), on=["trace_id", "t"])
    share["wanted"] = (
        share["n"]
        * share["probability"]
        / (share.groupby(["trace_id", "t"])["probability"].transform("sum"))
    )
    found = pd.concat(plans).rename(columns={"first_token_id": "token_id"})
    mean = found.groupby(["trace_id", "t", "token_id"])["rollouts"].sum() / len(plans)
    joined = share.merge(mean.rename("mean"), on=["trace_id", "t", "token_id"], how="left")
    assert (joined["mean"].fillna(0) - joined["wanted"]).abs().max() < 5 * 0.5 / np.sqrt(50)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s, t, b: (s, t.iloc[1:], b), "do not belong together"),
        (lambda s, t, b: (s.iloc[1:], t, b), "do not belong together"),
        (lambda s, t, b: (s, t.assign(token_id=t["token_id"] + 1), b), "not the same in both"),
        (lambda s, t, b: (s, t.assign(sampler_probability=1.5), b), r"in \[0, 1\], found 1.5"),
        (lambda s, t, b: (s, t, b.iloc[5:]), "but no branches"),
        (lambda s, t, b: (s, t, b.assign(t=b["t"] + 10_000)), "which has no score"),
        (
            lambda s, t, b: (
                s, t, b.drop(columns="first_token_id").merge(
                    t[["trace_id", "t", "token_id"]].rename(columns={"token_id": "first_token_id"})
                ),
            ),
            "begins with the trace's own token",
        ),
    ],
)  # fmt: skip
def test_inputs_that_do_not_belong_together_are_refused(chain, spoil, said):
    sampled, tokens, _, _, _ = chain
    counts = drawn(chain, np.random.default_rng(4))
    with pytest.raises(ValueError, match=said):
        estimate_recursive(*spoil(sampled, tokens, counts))


def test_a_prefix_without_its_alternatives_is_refused(chain):
    _, tokens, alternatives, _, _ = chain
    first = alternatives.iloc[0]
    fewer = alternatives[
        ~(alternatives["trace_id"].eq(first.trace_id) & alternatives["t"].eq(first.t))
    ]
    with pytest.raises(ValueError, match="no alternative"):
        plan_branches(tokens, fewer, ROLLOUTS, 1, "plan")


def test_a_second_round_halves_the_error_of_open_drops_for_its_budget(chain):
    sampled, tokens, alternatives, _, values = chain
    rng = np.random.default_rng(5)
    gains = []
    for seed in range(20):
        first = drawn(chain, rng)
        before = estimate_recursive(sampled, tokens, first)
        budget = int(first["rollouts"].sum())
        plan = plan_second_round(
            before, first, tokens, alternatives, CliffTest(), share=1, seed=seed, draws="more"
        )
        more = as_branches(plan)
        assert abs(more["rollouts"].sum() - budget) < 0.05 * budget
        more["successes"] = rng.binomial(more["rollouts"], values[more["first_token_id"]])
        after = estimate_recursive(sampled, tokens, pd.concat([first, more]))
        drop = before["before"] - before["after"]
        q = before.merge(tokens, on=["trace_id", "t"])["sampler_probability"]
        is_open = (1 - q > 0.1) & ((drop - 0.1).abs() < 1.645 * before["drop_se"])
        gains.append(
            (after["drop_se"][is_open] ** 2).sum() / (before["drop_se"][is_open] ** 2).sum()
        )
    # As many branches again, drawn as the first were, would give one half.
    assert np.mean(gains) < 0.45


def test_real_branches_agree_with_the_exact_potential(chain):
    sampled, tokens, alternatives, exact, values = chain
    plan = plan_branches(tokens, alternatives, ROLLOUTS, 1, "recursive")
    problems = pd.DataFrame({"problem_id": sampled["problem_id"], "answer": "1"})
    problems = problems.assign(answer_from="box", until=None)
    chain = policy(MarkovEngine(vocabulary=10, seed=4), SAMPLER)
    counts = count_branches(plan, sampled, problems, chain, seed=1)
    assert counts["rollouts"].sum() == plan["rollouts"].sum()
    truth = values[counts["first_token_id"]]
    spread = np.sqrt(counts["rollouts"] * truth * (1 - truth))
    error = counts["successes"] - counts["rollouts"] * truth
    assert (error[spread == 0] == 0).all()
    inner = spread > 0
    z = error[inner].sum() / np.sqrt((spread[inner] ** 2).sum())
    assert abs(z) < 4
    found = estimate_recursive(sampled, tokens, counts).merge(exact, on=["trace_id", "t"])
    assert np.sqrt(((found["before"] - found["exact_before"]) ** 2).mean()) < 0.06


def test_the_rarest_alternative_still_gets_a_branch():
    tokens = pd.DataFrame({"trace_id": ["a"], "t": [1], "sampler_probability": [1 - 1e-13]})
    other = pd.DataFrame({"trace_id": ["a"], "t": [1], "token_id": [5], "probability": [1e-13]})
    assert plan_branches(tokens, other, ROLLOUTS, 1, "plan")["rollouts"].tolist() == [1]
