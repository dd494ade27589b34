"""Candidates at a cliff: which they are, which counts are taken over, and what follows of them."""

import numpy as np
import pandas as pd
import pytest
from helpers import markov, synthetic
from helpers.markov import RIGHT, START, WRONG, MarkovEngine
from helpers.repository import ROOT
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.policies import Policy, Request, open_engine, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import candidates, grading
from cliff_tokens.stages.cliff_test import CliffTest, boundary
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.rollouts import COUNTS as COUNT_COLUMNS
from cliff_tokens.stages.rollouts import roll_out
from cliff_tokens.stages.traces import Questions, sample, score
from cliff_tokens.statistics import Intervals

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
INTERVALS = Intervals(confidence=0.95, repetitions=200, seed=1)
COUNTS = list(COUNT_COLUMNS)


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.fixture(scope="module")
def chain(grader):
    """A Markov chain as a policy, traces of it, and what would be cliffs: two tokens of each."""
    chain = markov.policy(MarkovEngine(vocabulary=10, seed=4), SAMPLER)
    names = ["p0", "p1", "p2"]
    problems = pd.DataFrame(
        {"dataset": "chain", "problem_id": names, "question": names, "answer": "1"}
    )
    questions = Questions(system=None, max_tokens=400, samples=1)
    sampled = sample(problems, questions, "markov", chain, grader, 7)
    found = pd.DataFrame(
        [
            {
                "cliff_id": f"{trace.trace_id}@{t}",
                "trace_id": trace.trace_id,
                "t": t,
                "token_id": trace.token_ids[t - 1],
            }
            for trace in sampled.itertuples()
            for t in sorted({1, len(trace.token_ids)})
        ]
    )
    return chain, sampled, problems, found


NO_ARMS = pd.DataFrame(columns=["cliff_id", "arm", *COUNTS])


def counts(successes, rollouts):
    """Count columns; 5 tokens a rollout."""
    return {
        "successes": successes,
        "rollouts": rollouts,
        "unparsed": 0,
        "timeouts": 0,
        "truncated": 0,
        "generated_tokens": 5 * rollouts,
    }


def arm(cliff_id, name, successes, rollouts=64):
    return {"cliff_id": cliff_id, "arm": name, **counts(successes, rollouts)}


def follow(policy, found, sampled, problems, branches, resampling, grader, top, count, seed):
    """List, plan, roll out and join, as the workflow does."""
    listed = tables.empty("shortlist")
    if len(found):
        listed = candidates.list_candidates(found, sampled, policy, top)
    plan = candidates.plan_candidates(listed, branches, resampling, count)
    drawn = roll_out(plan, sampled, problems, policy, grader, seed=seed, name="candidates")
    return candidates.collect_candidates(listed, branches, resampling, plan, drawn)


def estimate(chain, grader, top=4, count=64, branches=None, resampling=NO_ARMS, found=None):
    policy, sampled, problems, own = chain
    found = own if found is None else found
    return follow(policy, found, sampled, problems, branches, resampling, grader, top, count, 3)


def test_the_most_probable_tokens_and_the_cliff_token_are_followed(chain, grader):
    policy, sampled, _, found = chain
    engine = policy.engine
    rows = estimate(chain, grader, top=1, count=1)
    by_trace = sampled.set_index("trace_id")["token_ids"]
    outside = 0
    for cliff in found.itertuples():
        own = rows[rows["cliff_id"].eq(cliff.cliff_id)].set_index("token_id")
        state = START if cliff.t == 1 else by_trace[cliff.trace_id][cliff.t - 2]
        exact = np.exp(engine.logits[state]) / np.exp(engine.logits[state]).sum()
        order = np.argsort(-exact)
        assert set(own.index) == {order[0], cliff.token_id}
        assert own["probability"].to_numpy() == pytest.approx(exact[own.index], rel=1e-6)
        assert own["rank"].to_dict() == {t: 1 + int((exact > exact[t]).sum()) for t in own.index}
        assert own.index[own["is_sampled"]].tolist() == [cliff.token_id]
        assert own.index[own["is_greedy"]].tolist() == [order[0]]
        outside += len(own) == 2
    assert outside  # a cliff token beyond the most probable is not lost


def test_a_greedy_tie_goes_to_the_lowest_id_and_shares_a_rank():
    rows = candidates.most_probable(np.array([0.0, 1.0, 1.0, -1.0]), 3, 3)
    assert rows["token_id"].tolist() == [1, 2, 0, 3]
    assert rows["rank"].tolist() == [1, 1, 3, 4]
    assert rows["is_greedy"].tolist() == [True, False, False, False]
    assert rows["is_sampled"].tolist() == [False, False, False, True]


def test_fewer_tokens_than_asked_for_are_all_followed_and_carry_all_probability(chain, grader):
    rows = estimate(chain, grader, top=20, count=1)
    sums = rows.groupby("cliff_id")["probability"].agg(["sum", "size"])
    assert (sums["size"] == 10).all()
    assert sums["sum"].to_numpy() == pytest.approx(1)


def test_successes_are_those_of_the_exact_potential_of_each_candidate(chain, grader):
    rows = estimate(chain, grader, top=4, count=400)
    exact = chain[0].engine.potentials(SAMPLER)[rows["token_id"]]
    assert (rows["rollouts"] == 400).all()
    assert (rows["reused"] == 0).all()
    # Two-sided binomial p of each row, Bonferroni at 0.001 over the rows.
    smallest = min(
        stats.binomtest(int(row.successes), 400, float(np.clip(p, 0, 1))).pvalue
        for row, p in zip(rows.itertuples(), exact, strict=True)
    )
    assert smallest > 0.001 / len(rows)


def test_a_candidate_that_stops_has_ended_and_generates_nothing(chain, grader):
    rows = estimate(chain, grader, top=10, count=8)
    stops = rows[rows["token_id"].isin([RIGHT, WRONG])]
    assert (stops["generated_tokens"] == 0).all()
    assert (stops["successes"] == np.where(stops["token_id"] == RIGHT, 8, 0)).all()
    others = rows.drop(stops.index)
    assert (others["generated_tokens"] >= 8).all()


def test_counts_of_branches_are_taken_over_and_only_the_rest_is_drawn(chain, grader):
    found = chain[3]
    fresh = estimate(chain, grader)
    cliff = found.iloc[0]
    free = fresh[fresh["cliff_id"].eq(cliff["cliff_id"]) & ~fresh["is_sampled"]]
    few, many = (int(free["token_id"].iloc[i]) for i in (0, 1))
    place = {"trace_id": cliff["trace_id"], "t": cliff["t"]}
    branches = pd.DataFrame(
        [
            {**place, "first_token_id": few, **counts(17, 40)},  # 24 lack at 64
            {**place, "first_token_id": many, **counts(61, 80)},  # more than wanted: all are kept
            {**place, "t": cliff["t"] + 1, "first_token_id": few, **counts(5, 5)},  # elsewhere
            {**place, "first_token_id": 99, **counts(5, 5)},  # no candidate
        ]
    )
    rows = estimate(chain, grader, branches=branches)
    own = rows[rows["cliff_id"].eq(cliff["cliff_id"])].set_index("token_id")
    assert own.loc[many, [*COUNTS, "reused"]].tolist() == [61, 80, 0, 0, 0, 400, 80]
    assert own.loc[few, ["rollouts", "reused"]].tolist() == [64, 40]
    drawn = estimate(chain, grader, count=24)  # the same streams: the first 24 of them
    drawn = drawn[drawn["cliff_id"].eq(cliff["cliff_id"])].set_index("token_id")
    assert own.loc[few, "successes"] == 17 + drawn.loc[few, "successes"]
    assert own.loc[few, "generated_tokens"] == 200 + drawn.loc[few, "generated_tokens"]
    rest = own.index.difference([few, many])
    same = fresh[fresh["cliff_id"].eq(cliff["cliff_id"])].set_index("token_id")
    pd.testing.assert_frame_equal(own.loc[rest], same.loc[rest])


def test_the_arm_that_keeps_the_cliff_token_is_its_own_count(chain, grader):
    cliff_id = chain[3]["cliff_id"].iloc[0]
    arms = pd.DataFrame([arm(cliff_id, "keep", 3), arm(cliff_id, "del", 60)])
    rows = estimate(chain, grader, resampling=arms)
    own = rows[rows["cliff_id"].eq(cliff_id) & rows["is_sampled"]].iloc[0]
    assert (own["successes"], own["rollouts"], own["reused"]) == (3, 64, 64)
    assert rows["reused"].sum() == 64


def test_neither_order_nor_neighbors_change_a_count(chain, grader):
    policy, sampled, problems, found = chain
    shuffled = (policy, sampled[::-1], problems[::-1], found.sample(frac=1))
    one, other = (estimate(which, grader) for which in (chain, shuffled))
    key = ["cliff_id", "token_id"]
    one, other = (frame.sort_values(key, ignore_index=True) for frame in (one, other))
    pd.testing.assert_frame_equal(one, other)
    alone = estimate(chain, grader, found=found.iloc[[-1]]).sort_values(key, ignore_index=True)
    beside = one[one["cliff_id"].eq(found["cliff_id"].iloc[-1])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, beside)


def test_a_cliff_of_an_unknown_trace_is_refused(chain, grader):
    with pytest.raises(ValueError, match=r"other/trace: has a cliff but is not among the traces"):
        estimate(chain, grader, found=chain[3].assign(trace_id="other/trace"))


def test_a_data_set_without_cliffs_is_an_empty_table(chain, grader, tmp_path):
    rows = estimate(chain, grader, found=chain[3].iloc[:0])
    tables.write(rows, tmp_path / "candidates.parquet", "candidates", {})
    again = tables.read(tmp_path / "candidates.parquet", "candidates")
    assert again.empty
    assert list(again) == tables.TABLES["candidates"].schema.names


# Two cliffs with .75 = 48/64 before them, so that before_se = sqrt(.75 * .25 / 64) = .0541.
#
#   cliff  token  probability  successes  drop   threshold
#   A      1        .50        60/64      -.188               greedy
#   A      2        .20        40/64       .125  .1 + 1.645 sqrt(.0541^2 + .0605^2) = .234  sampled
#   A      3        .10        10/64       .594  .1 + 1.645 sqrt(.0541^2 + .0454^2) = .216
#   B      4        .60        30/64       .281  .1 + 1.645 sqrt(.0541^2 + .0624^2) = .236  both
#   B      5        .15        48/64       .000
#
# Deleted, A recovers in 32/64 = .5 and B in 40/64 = .625: token 3 still falls by .344 (threshold
# .1 + 1.645 sqrt(.0625^2 + .0454^2) = .227), but token 4 by .156 only.
HAND_CLIFFS = pd.DataFrame(
    {
        "cliff_id": ["m/d/a/0@7", "m/d/b/0@4"],
        "trace_id": ["m/d/a/0", "m/d/b/0"],
        "model": "m",
        "dataset": "d",
        "problem_id": ["a", "b"],
        "t": [7, 4],
        "kind": ["sampled_off", "uncertain"],
        "entropy": [1.2, 0.8],
    }
)
HAND_ESTIMATES = HAND_CLIFFS[["trace_id", "t"]].assign(
    before=0.75, before_se=np.sqrt(0.75 * 0.25 / 64)
)
HAND_ARMS = pd.DataFrame([arm("m/d/a/0@7", "del", 32), arm("m/d/b/0@4", "del", 40)])
A, B = HAND_CLIFFS["cliff_id"]
HAND = pd.DataFrame(
    [
        (A, 1, 1, 0.50, False, True, 60, 64),
        (A, 2, 2, 0.20, True, False, 40, 64),
        (A, 3, 3, 0.10, False, False, 10, 64),
        (B, 4, 1, 0.60, True, True, 30, 64),
        (B, 5, 2, 0.15, False, False, 48, 64),
    ],
    columns=["cliff_id", "token_id", "rank", "probability", "is_sampled", "is_greedy",
             "successes", "rollouts"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("reading", "tokens", "mass", "other", "counted"),
    [
        ("published", [2, 3, 4], [0.3, 0.6], [0.5, 0.15], [2, 1]),
        ("own", [3, 4], [0.1, 0.6], [0.7, 0.15], [1, 1]),
        ("fresh", [3], [0.1, 0.0], [0.7, 0.75], [1, 0]),
    ],
)
def test_masses_of_a_hand_made_pair_of_cliffs(reading, tokens, mass, other, counted):
    flagged = candidates.members(HAND, HAND_CLIFFS, HAND_ESTIMATES, CliffTest(), reading, HAND_ARMS)
    assert flagged["token_id"].tolist() == tokens
    rows = candidates.mass(HAND, flagged, HAND_CLIFFS)
    assert rows["cliff_mass"].tolist() == pytest.approx(mass)
    assert rows["other_mass"].tolist() == pytest.approx(other)
    assert rows["cliff_candidates"].tolist() == counted
    tail = 1 - HAND.groupby("cliff_id")["probability"].sum().to_numpy()
    assert (rows["cliff_mass"] + rows["other_mass"] + tail).tolist() == pytest.approx([1, 1])


def test_more_rollouts_of_a_candidate_narrow_its_threshold():
    # .625 of 6400: drop .125 against .1 + 1.645 sqrt(.0541^2 + .0061^2) = .190, and with an error
    # of .005 before it against .1 + 1.645 sqrt(.005^2 + .0061^2) = .113.
    more = HAND.assign(
        successes=HAND["successes"].where(HAND["token_id"] != 2, 4000),
        rollouts=HAND["rollouts"].where(HAND["token_id"] != 2, 6400),
    )
    for error, tokens in ((np.sqrt(0.75 * 0.25 / 64), [3, 4]), (0.005, [2, 3, 4])):
        sharp = HAND_ESTIMATES.assign(before_se=error)
        flagged = candidates.members(more, HAND_CLIFFS, sharp, CliffTest(), "own")
        assert flagged["token_id"].tolist() == tokens


def test_with_independent_counts_the_rule_is_the_published_one():
    # A cliff for each count before, a candidate for each count after: 65 x 65 cells, 1283 cliffs.
    before, after = (axis.ravel() for axis in np.mgrid[0:65, 0:65])
    names = np.array([f"m/d/{k:02d}/0@1" for k in range(65)])
    found = pd.DataFrame({"cliff_id": names, "trace_id": [name[:-2] for name in names], "t": 1})
    p = np.arange(65) / 64
    estimates = found[["trace_id", "t"]].assign(before=p, before_se=np.sqrt(p * (1 - p) / 64))
    rows = pd.DataFrame(
        {
            "cliff_id": names[before],
            "token_id": after,
            "is_sampled": False,
            "successes": after,
            "rollouts": 64,
        }
    )
    flagged = candidates.members(rows, found, estimates, CliffTest())
    assert len(flagged) == 1283
    largest = flagged.groupby("cliff_id")["token_id"].max()
    limits = boundary(CliffTest(), 64).dropna()
    assert largest.to_dict() == {
        names[row.successes_before]: row.successes_after for row in limits.itertuples()
    }


def test_candidates_without_a_potential_before_them_are_refused():
    with pytest.raises(ValueError, match=r"m/d/b/0@4: has candidates but no potential"):
        candidates.members(HAND, HAND_CLIFFS, HAND_ESTIMATES, CliffTest(), "fresh", HAND_ARMS[:1])
    with pytest.raises(ValueError, match=r"m/d/b/0@4: has no candidates"):
        candidates.mass(HAND[:3], HAND[:0], HAND_CLIFFS)
    with pytest.raises(ValueError, match="published, own, fresh"):
        candidates.members(HAND, HAND_CLIFFS, HAND_ESTIMATES, CliffTest(), "newest")


def hand_hazard():
    weighed = candidates.masses(HAND, HAND_CLIFFS, HAND_ESTIMATES, HAND_ARMS, CliffTest())
    return candidates.hazard(weighed, INTERVALS, ["m"]).set_index(["model", "kind", "reading"])


def test_the_hazard_table_averages_cliffs_and_a_kind_without_any_is_not_zero():
    rows = hand_hazard()
    pooled = rows.loc[("m", "all", "published")]
    assert pooled["n"] == pooled["problems"] == 2
    # (.3 + .6) / 2; with two problems a resample is .3, .45 or .6.
    assert pooled["cliff_mass"] == pytest.approx(0.45)
    assert pooled["cliff_mass_median"] == pytest.approx(0.45)
    for name in ("cliff_mass", "cliff_mass_median"):
        assert pooled[f"{name}_low"] == pytest.approx(0.3)
        assert pooled[f"{name}_high"] == pytest.approx(0.6)
    assert pooled["cliff_candidates"] == 1.5
    assert pooled["entropy"] == pytest.approx(1.0)
    alone = rows.loc[("m", "uncertain", "own")]
    assert (alone["n"], alone["cliff_mass"]) == (1, pytest.approx(0.6))
    assert np.isnan(alone["cliff_mass_low"])
    nothing = rows.loc[("m", "deterministic", "own")]
    assert nothing["n"] == 0
    assert nothing.drop(["n", "problems"]).isna().all()


def test_summaries_of_a_run_without_cliffs_are_not_measured():
    quiet = synthetic.run(problems=3, jump=0)
    found, rows = quiet["cliffs"], quiet["candidates"]
    assert found.empty
    weighed = candidates.masses(
        rows, found, quiet["estimates"], quiet["resampling"], synthetic.TEST
    )
    summary = candidates.hazard(weighed, INTERVALS, ["small", "large"])
    assert (summary["n"] == 0).all()
    assert summary["cliff_mass"].isna().all()
    flagged = candidates.members(rows, found, quiet["estimates"], synthetic.TEST)
    drawn = candidates.what_if(rows, flagged, found, [0, 1], INTERVALS, ["small", "large"])
    assert (drawn["n"] == 0).all()
    assert drawn["potential"].isna().all()


def test_summaries_do_not_depend_on_the_order_of_rows():
    run = synthetic.run()
    mixed = {name: frame.sample(frac=1, random_state=1) for name, frame in run.items()}
    summaries = []
    for one in (run, mixed):
        weighed = candidates.masses(
            one["candidates"], one["cliffs"], one["estimates"], one["resampling"], synthetic.TEST
        )
        summaries.append(candidates.hazard(weighed, INTERVALS, ["small", "large"]))
    pd.testing.assert_frame_equal(*summaries)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (0, [1, 0]),
        (0.5, [16 / 17, 1 / 17]),  # .64^2 : .16^2 = 16 : 1
        (1, [0.8, 0.2]),
        (2, [2 / 3, 1 / 3]),  # .8 : .4
    ],
)
def test_probabilities_at_another_temperature(temperature, expected):
    assert candidates.tempered([0.64, 0.16], temperature) == pytest.approx(expected)


def test_the_token_at_another_temperature_by_hand():
    flagged = candidates.members(HAND, HAND_CLIFFS, HAND_ESTIMATES, CliffTest())
    rows = candidates.what_if(HAND, flagged, HAND_CLIFFS, [0, 1], INTERVALS, ["m"])
    rows = rows.set_index(["kind", "temperature"])
    # Greedy at A is token 1 (60/64), at B token 4, which is the cliff token (30/64).
    assert rows.loc[("sampled_off", 0), "cliff_mass"] == 0
    assert rows.loc[("sampled_off", 0), "potential"] == 60 / 64
    assert rows.loc[("uncertain", 0), "cliff_mass"] == 1
    assert rows.loc[("all", 0), "potential"] == pytest.approx(45 / 64)
    # At A .5, .2 and .1 of .8: (.5 * 60 + .2 * 40 + .1 * 10) / 64 / .8 = 39 / 51.2.
    assert rows.loc[("sampled_off", 1), "cliff_mass"] == pytest.approx(0.3 / 0.8)
    assert rows.loc[("sampled_off", 1), "potential"] == pytest.approx(39 / 51.2)


def test_recovery_sets_the_sampled_token_beside_the_greedy_one():
    rows = candidates.recovery(HAND, HAND_CLIFFS)
    assert rows["cliff_id"].tolist() == [A]  # B is not sampled-off
    columns = ["successes_sampled", "rollouts_sampled", "successes_greedy", "rollouts_greedy"]
    assert rows.loc[0, columns].tolist() == [40, 64, 60, 64]


def test_a_shipped_model_is_followed_as_the_engine_would_have_gone_on(grader):
    """One real trace: scores as in the ``tokens`` table, rollouts by an engine asked directly."""
    folder = str(ROOT / "resources/testbed/testbed-small")
    engine, tokenizer = open_engine("transformers", folder), ChatTokenizer(folder)
    sampler = Sampler(temperature=1.0, top_p=0.95)
    problems = pd.DataFrame(
        {
            "dataset": ["factors"],
            "problem_id": ["p0"],
            "question": ["What is the sum of the prime factors of 1092?"],
            "answer": ["27"],  # 2 + 2 + 3 + 7 + 13
        }
    )
    policy = Policy(engine, tokenizer, sampler)
    questions = Questions(system=None, max_tokens=120, samples=1)
    sampled = sample(problems, questions, "small", policy, grader, 2)
    tokens, _ = score(sampled, policy, support=20)
    token = tokens.loc[tokens["sampler_probability"].idxmin()]
    trace, t = sampled.iloc[0], int(token["t"])
    cliff_id = f"{trace.trace_id}@{t}"
    found = tokens.loc[[token.name], ["trace_id", "t", "token_id"]].assign(cliff_id=cliff_id)
    rows = follow(policy, found, sampled, problems, None, NO_ARMS, grader, 5, 4, 11)
    own = rows[rows["is_sampled"]].iloc[0]
    assert own["rank"] == token["rank"]
    assert own["probability"] == pytest.approx(np.exp(token["logprob"]), rel=1e-4)
    assert rows.loc[rows["is_greedy"], "token_id"].tolist() == [token["greedy_id"]]
    for row in rows.itertuples():
        before = np.append(trace.token_ids[: t - 1], row.token_id).astype(np.int32)
        streams = sampling.streams(11, "candidates", cliff_id, row.token_id, count=4)
        request = Request(np.append(trace.prompt_ids, before), streams, 120 - t)
        done = list(engine.generate([request], sampler)) if row.token_id not in engine.stops else []
        texts = tokenizer.texts([np.append(before, one.token_ids) for one in done])
        answers = [("27", grading.extract(text)) for text in texts]
        if done:
            assert row.successes == list(grader.grade(answers)).count("correct")
            assert row.generated_tokens == sum(len(one.token_ids) for one in done)
    assert rows["generated_tokens"].sum() > 0
