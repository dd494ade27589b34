"""Candidates at a cliff: which they are, which counts are taken over, and what follows of them."""

import numpy as np
import pandas as pd
import pytest
from helpers import markov
from helpers.markov import RIGHT, START, WRONG, MarkovEngine
from helpers.repository import ROOT
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.policies import Policy, Request, open_engine, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import candidates
from cliff_tokens.stages.extraction import extract
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.rollouts import COUNTS as COUNT_COLUMNS
from cliff_tokens.stages.rollouts import roll_out
from cliff_tokens.stages.traces import sample, score

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
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
    ).assign(answer_from="box", until=None)
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
    ).assign(answer_from="box", until=None)
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
        answers = [("27", extract(text)) for text in texts]
        if done:
            assert row.successes == list(grader.grade(answers)).count("correct")
            assert row.generated_tokens == sum(len(one.token_ids) for one in done)
    assert rows["generated_tokens"].sum() > 0
