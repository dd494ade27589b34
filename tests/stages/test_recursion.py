"""The recursive estimator against the exact potentials of a Markov chain."""

import numpy as np
import pandas as pd
import pytest
from helpers.markov import (
    START,
    MarkovEngine,
    count_branches,
    count_potential,
    policy,
    sample_chain,
)
from scipy import stats

from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.recursion import (
    _filled,
    as_branches,
    branches_of,
    counted_for,
    estimate_recursive,
    estimate_recycled,
    leavers_of,
    plan_branches,
    plan_second_round,
    smoothed,
)
from cliff_tokens.stages.traces import score

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
ROLLOUTS = 64
REPETITIONS = 200
LENGTH = 5  # of a branch, in tokens


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
        successes=rng.binomial(planned["rollouts"], values[planned["first_token_id"]]),
        generated_tokens=LENGTH * planned["rollouts"],
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


def second_round(chain, first, share=1.0, seed=0):
    """Branches of both rounds, the second's drawn from the exact potentials."""
    _, tokens, alternatives, _, values = chain
    plan = plan_second_round(first, tokens, alternatives, share=share, seed=seed, draws="more")
    more = as_branches(plan)
    drawn = np.random.default_rng(seed).binomial(more["rollouts"], values[more["first_token_id"]])
    return pd.concat([first, more.assign(successes=drawn)], ignore_index=True)


def test_a_second_round_takes_its_share_of_the_tokens(chain):
    first = drawn(chain, np.random.default_rng(5))
    for share in (0.5, 1, 2):
        more = second_round(chain, first, share).iloc[len(first) :]
        assert more["rollouts"].sum() == pytest.approx(share * first["rollouts"].sum(), rel=0.1)


def test_a_second_round_goes_where_potentials_are_not_settled(chain):
    """Where most branches fail for certain, as after a cliff, others get what those would take."""
    _, tokens, alternatives, _, _ = chain
    rng = np.random.default_rng(6)
    rows = tokens.sort_values(["trace_id", "t"], ignore_index=True)
    t, q = rows["t"].to_numpy(), rows["sampler_probability"].to_numpy()
    chance = np.where(rng.random(len(rows)) < 0.6, 0.0, 0.5)
    worth = (1 - q) ** 2 * counted_for(t, q) * chance * (1 - chance)
    n = branches_of(q, ROLLOUTS)
    first = rows[["trace_id", "t"]].assign(rollouts=n, successes=rng.binomial(n, chance))
    first = first[n > 0].assign(generated_tokens=LENGTH * n[n > 0])
    plan = plan_second_round(first, tokens, alternatives, share=1, seed=1, draws="more")
    more = as_branches(plan).groupby(["trace_id", "t"])["rollouts"].sum()
    both = n + rows.join(more.rename("more"), on=["trace_id", "t"])["more"].fillna(0).to_numpy()
    variance, of_one = ((worth / np.maximum(drawn, 1)).sum() for drawn in (both, 2 * n))
    # For equal numbers of branches, which are all of one length here.
    assert variance * both.sum() < 0.8 * of_one * 2 * n.sum()


def test_a_second_round_leaves_alone_what_the_first_gave_enough():
    worth, length = np.array([1.0, 1.0, 0.0, 0.5]), np.array([1.0, 2.0, 1.0, 4.0])
    found = _filled(worth, np.array([100, 2, 5, 2]), length, budget=30)
    # Of the rest, twice 8 and four times 3 are what 30 adds to the 4 and 8 tokens that they had.
    assert found.tolist() == [100, 10, 5, 5]
    assert _filled(worth * 0, np.array([1, 2, 3, 4]), length, budget=30).tolist() == [1, 2, 3, 4]


def test_a_branch_counts_for_the_potentials_before_it_by_the_squares_of_q():
    t, q = np.array([1, 2, 3, 1, 2]), np.array([0.5, 1.0, 0.2, 0.0, 0.9])
    assert counted_for(t, q).tolist() == pytest.approx([1, 1.25, 2.25, 1, 1])


def level(q, v, factor):
    """Probability of a flag at a true drop of the margin before a potential v that is known.

    Every outcome of both rounds is counted. The second brings the branches to ``factor`` times the
    first's times the standard deviation that these show, as ``plan_second_round`` does.
    """
    test = CliffTest()
    first = int(branches_of(np.array([q]), ROLLOUTS)[0])
    truth, flagged = v + test.margin / (1 - q), 0.0
    for successes, chance in enumerate(stats.binom.pmf(np.arange(first + 1), first, truth)):
        share = (successes + 0.5) / (first + 1)
        total = max(first, round(factor * first * np.sqrt(share * (1 - share))))
        more = np.arange(total - first + 1)
        smooth = smoothed(successes + more, total)
        drop = (1 - q) * ((successes + more) / total - v)
        error = (1 - q) * np.sqrt(smooth * (1 - smooth) / total)
        flags = test.flags(drop, error)
        flagged += chance * stats.binom.pmf(more, total - first, truth)[flags].sum()
    return flagged


@pytest.mark.parametrize("factor", [0, 5])
def test_the_level_of_the_rule_at_a_drop_of_the_margin_is_its_own(factor):
    for q in (0, 0.3, 0.5, 0.7, 0.8):
        # All potentials after the token from which a drop of the margin is possible.
        found = np.mean([level(q, v, factor) for v in np.linspace(0, 1 - 0.1 / (1 - q), 41)[1:-1]])
        assert 0.035 < found < 0.055, q


def recycled(chain, rng, rollouts=ROLLOUTS):
    """Leavers of ``rollouts`` from every prefix, as rollouts of the chain would give them."""
    _, tokens, alternatives, _, values = chain
    success = alternatives["probability"] * values[alternatives["token_id"]]
    sums = alternatives.assign(success=success).groupby(["trace_id", "t"])
    share = sums["success"].sum() / sums["probability"].sum()
    rows = tokens.sort_values(["trace_id", "t"], ignore_index=True).join(
        share.rename("share"), on=["trace_id", "t"]
    )
    left, following = [], 0
    for row in rows.itertuples():
        following = rollouts + (following if row.t > 1 else 0)
        left.append(rng.binomial(following, max(0, 1 - row.sampler_probability)))
        following -= left[-1]
    rows["rollouts"] = left
    rows["successes"] = rng.binomial(left, rows["share"].fillna(0))
    return rows.loc[rows["rollouts"] > 0, ["trace_id", "t", "successes", "rollouts"]]


@pytest.fixture(scope="module")
def all_recycled(chain):
    sampled, tokens, _, exact, _ = chain
    rng = np.random.default_rng(8)
    return [
        estimate_recycled(sampled, tokens, recycled(chain, rng)).merge(exact, on=["trace_id", "t"])
        for _ in range(REPETITIONS)
    ]


def test_recycled_rollouts_are_unbiased_at_every_prefix(all_recycled):
    test_the_estimate_is_unbiased_at_every_prefix(all_recycled)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_of_recycled_drops_cover_as_often_as_they_say(all_recycled, confidence):
    test_intervals_of_drops_cover_at_least_as_often_as_they_say(all_recycled, confidence)


def test_recycled_rollouts_err_less_than_the_same_rollouts_as_shares(chain, all_recycled):
    exact = chain[3]["exact_before"].to_numpy()
    found = (errors(all_recycled) ** 2).mean(axis=0)
    allowed = exact * (1 - exact) / ROLLOUTS
    assert (found <= allowed * (1 + 5 * np.sqrt(2 / REPETITIONS)) + 1e-12).all()
    assert found.mean() < 0.5 * allowed.mean()


def test_a_token_at_which_no_rollout_left_is_taken_to_change_nothing(chain):
    sampled, tokens, _, _, _ = chain
    leavers = recycled(chain, np.random.default_rng(9))
    lost = leavers[leavers["t"] > 1].iloc[0]
    fewer = leavers.drop(index=lost.name)
    found = estimate_recycled(sampled, tokens, fewer).set_index(["trace_id", "t"])
    row = found.loc[(lost["trace_id"], lost["t"])]
    q = tokens.set_index(["trace_id", "t"])["sampler_probability"][lost["trace_id"], lost["t"]]
    assert row["before"] == pytest.approx(row["after"], abs=1e-12)
    # It could have been as far from V_t as 0 or 1.
    assert row["drop_se"] >= (1 - q) * max(row["after"], 1 - row["after"])
    whole = estimate_recycled(sampled, tokens, leavers).set_index(["trace_id", "t"])
    assert row["drop_se"] > whole.loc[(lost["trace_id"], lost["t"]), "drop_se"]


def test_real_rollouts_are_recycled_where_they_leave(chain):
    sampled, tokens, _, exact, _ = chain
    problems = pd.DataFrame({"problem_id": sampled["problem_id"], "answer": "1"})
    problems = problems.assign(answer_from="box", until=None)
    walker = policy(MarkovEngine(vocabulary=10, seed=4), SAMPLER)
    potential = count_potential(sampled, problems, walker, 16)
    verdict = potential["trace_id"].map(sampled.set_index("trace_id")["verdict"].eq("correct"))
    left, right = (potential[name].map(sum) for name in ("leavers", "leaver_successes"))
    # One that leaves nowhere ends as the trace did.
    assert (potential["successes"] == right + (potential["rollouts"] - left) * verdict).all()
    assert all((np.array(row.left_at) > row.t).all() for row in potential.itertuples())
    leavers = leavers_of(potential)
    assert leavers["rollouts"].sum() == left.sum()
    found = estimate_recycled(sampled, tokens, leavers).merge(exact, on=["trace_id", "t"])
    shares = potential.assign(t=potential["t"] + 1).merge(exact, on=["trace_id", "t"])
    of_shares = shares["successes"] / shares["rollouts"] - shares["exact_before"]
    assert ((found["before"] - found["exact_before"]) ** 2).mean() < 0.6 * (of_shares**2).mean()


def test_leavers_of_a_token_that_has_no_score_are_refused(chain):
    sampled, tokens, _, _, _ = chain
    leavers = recycled(chain, np.random.default_rng(10))
    with pytest.raises(ValueError, match="which has no score"):
        estimate_recycled(sampled, tokens, leavers.assign(t=leavers["t"] + 10_000))


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
