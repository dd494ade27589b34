"""The predicted cost against counts, and that it is right on average where lengths are known."""

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.markov import START, WRONG, MarkovEngine

from cliff_tokens.exhibits import cost
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages import recursion, simulation
from cliff_tokens.statistics import Intervals

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
INTERVALS = Intervals(confidence=0.95, repetitions=200, seed=1)
ROLLOUTS = 64


@pytest.fixture(scope="module")
def run():
    return synthetic.run()


def predicted(run, speed=20000, **names):
    return cost.predict(run["traces"], run["tokens"], ROLLOUTS, speed, INTERVALS, **names)


def row(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name].eq(value)]
    assert len(frame) == 1
    return frame.iloc[0]


def test_rollouts_are_predicted_exactly(run):
    found = row(predicted(run), model="small", dataset="chains", estimator="independent")
    counts = run["potential"]
    own = counts[counts["trace_id"].str.startswith("small/chains/")]
    assert found["rollouts"] == own["rollouts"].sum()
    lengths = run["traces"].set_index("trace_id")["token_ids"].map(len)
    lengths = lengths[lengths.index.str.startswith("small/chains/")]
    assert found["generated_tokens"] == ROLLOUTS * sum(n * (n + 1) // 2 for n in lengths)


def test_branches_are_counted_as_they_are_planned(run):
    tokens = run["tokens"]
    free = tokens[tokens["sampler_probability"] < 1]
    alternatives = free[["trace_id", "t"]].assign(
        token_id=99, probability=1 - free["sampler_probability"]
    )
    planned = recursion.plan(tokens, alternatives, ROLLOUTS, 1, "recursive")
    found = predicted(run)
    found = found[found["estimator"].eq("recursive") & found["dataset"].eq("all")]
    assert found["rollouts"].sum() == planned["rollouts"].sum()


def test_data_sets_add_up_and_hours_follow_from_the_speed(run):
    found = predicted(run)
    counts = ["n", "tokens", "rollouts", "generated_tokens", "hours"]
    keys = ["model", "estimator"]
    sums = found[found["dataset"].ne("all")].groupby(keys)[counts].sum()
    pooled = found[found["dataset"].eq("all")].set_index(keys)[counts]
    pd.testing.assert_frame_equal(sums, pooled.sort_index(), check_dtype=False)
    np.testing.assert_allclose(found["hours"], found["generated_tokens"] / 20000 / 3600)
    assert predicted(run, speed=None)[["hours", "hours_low", "hours_high"]].isna().all(axis=None)
    assert (found["generated_tokens_low"] < found["generated_tokens"]).all()
    assert (found["generated_tokens"] < found["generated_tokens_high"]).all()


def test_what_was_used_stands_beside_what_was_predicted(run):
    found = cost.compare(predicted(run), {"independent": run["potential"]})
    own = row(found, model="small", dataset="all", estimator="independent")
    counts = run["potential"]
    used = counts.loc[counts["trace_id"].str.startswith("small/"), "generated_tokens"].sum()
    assert own["used_generated_tokens"] == used
    assert own["used_rollouts"] == own["rollouts"]
    assert own["ratio"] == pytest.approx(used / own["generated_tokens"])
    assert found.loc[found["estimator"].eq("recursive"), "ratio"].isna().all()


def test_missing_scores_are_refused(run):
    with pytest.raises(ValueError, match="score the traces again"):
        cost.predict(run["traces"], run["tokens"].iloc[1:], ROLLOUTS, None, INTERVALS)


def test_the_prediction_is_right_on_average_over_traces():
    """On a Markov chain, where the expected length from every state is known."""
    moves = MarkovEngine(vocabulary=10, seed=4).transitions(SAMPLER)
    inner = np.arange(2, len(moves))
    expected = np.zeros(len(moves))
    expected[inner] = np.linalg.solve(
        np.eye(len(inner)) - moves[np.ix_(inner, inner)], np.ones(len(inner))
    )
    rng = np.random.default_rng(3)
    sampled, scored, others = [], [], []
    for number in range(400):
        states = [START]
        while states[-1] > WRONG:
            states.append(int(rng.choice(len(moves), p=moves[states[-1]])))
        key = f"markov/chain/p{number:04d}/0"
        before, drawn = np.array(states[:-1]), np.array(states[1:])
        t = np.arange(1, len(states))
        sampled.append((key, "markov", "chain", f"p{number:04d}", drawn))
        q = moves[before, drawn]
        scored.append(
            pd.DataFrame({"trace_id": key, "t": t, "token_id": drawn, "sampler_probability": q})
        )
        free = moves[before].copy()
        free[t - 1, drawn] = 0
        at, token = np.nonzero(free)
        others.append(
            pd.DataFrame(
                {
                    "trace_id": key, "t": t[at], "token_id": token,
                    "probability": free[at, token],
                }
            )
        )  # fmt: skip
    columns = ["trace_id", "model", "dataset", "problem_id", "token_ids"]
    tokens = pd.concat(scored, ignore_index=True)
    planned = recursion.plan(tokens, pd.concat(others, ignore_index=True), ROLLOUTS, 1, "plan")
    branches = planned.assign(
        generated_tokens=planned["rollouts"] * expected[planned["first_token_id"]]
    )
    true = {
        "independent": ROLLOUTS * simulation.lengths(tokens, branches)["length"].sum(),
        "recursive": branches["generated_tokens"].sum(),
    }
    found = cost.predict(pd.DataFrame(sampled, columns=columns), tokens, ROLLOUTS, None, INTERVALS)
    for name, wanted in true.items():
        own = row(found, dataset="all", estimator=name)
        assert own["generated_tokens_low"] < wanted < own["generated_tokens_high"], name
        assert own["generated_tokens"] == pytest.approx(wanted, rel=0.15)


ASSUMED = cost.Assumptions(spread=0.5, choices=0.1, leaving=0.5, cliffs=0.4, incorrect=0.3)
BUDGET = cost.Budget(resampling=32, candidates=16, top=20, cut_points=8)
STAGES = ("traces", "independent", "recursive", "resampling", "candidates", "cut_points")


def planned(datasets, limit=None, speed=None, **changes):
    works = [
        cost.Work("analysis", name, expected, 2, STAGES, ROLLOUTS, **changes)
        for name, expected in datasets.items()
    ]
    return cost.plan(works, limit, BUDGET, ASSUMED, speed).set_index(["dataset", "stage"])


def test_a_plan_is_arithmetic_on_what_is_expected():
    found = planned({"a": {"problems": 10, "tokens": 100}}, speed=1000).loc["a"]
    assert (found["n"] == 20).all()  # 10 problems, two answers each
    # E T^2 = 1.25 * 100^2 = 12500; branches at a token 0.1 * (64 * 0.5 + 0.5) = 3.25
    rollouts = np.array([1, 64 * 100, 3.25 * 100, 4 * 32 * 0.4, 20 * 16 * 0.4, 4 * 8 * 0.3])
    tokens = [100, 64 * 6300, 3.25 * 6200, 4 * 32 * 0.4 * 50, 20 * 16 * 0.4 * 50, 32 * 0.3 * 62.5]
    assert found.index.tolist() == list(STAGES)
    np.testing.assert_allclose(found["rollouts"].astype(float), 20 * rollouts)
    np.testing.assert_allclose(found["generated_tokens"].astype(float), 20 * np.array(tokens))
    np.testing.assert_allclose(found["hours"].astype(float), 20 * np.array(tokens) / 3.6e6)


def test_a_second_catalogue_is_resampled_too_and_has_candidates_too():
    known = {"a": {"problems": 10, "tokens": 100}}
    one, two = (planned(known, catalogues=count).loc["a", "rollouts"] for count in (1, 2))
    assert (two / one).to_dict() == dict.fromkeys(STAGES, 1) | {"resampling": 2, "candidates": 2}


def test_a_purpose_has_rows_and_a_sum_of_its_own():
    known = {"problems": 10, "tokens": 100}
    works = [
        cost.Work("analysis", "a", known, 1, ("traces", "recursive"), ROLLOUTS),
        cost.Work("evaluation", "a", known, 3, ("traces",)),
        cost.Work("evaluation", "b", known, 4, ("traces",)),
    ]
    found = cost.plan(works, None, BUDGET, ASSUMED, None)
    found = found.set_index(["purpose", "stage", "dataset"])["n"]
    assert found.to_dict() == {
        ("analysis", "traces", "a"): 10,
        ("analysis", "recursive", "a"): 10,
        ("evaluation", "traces", "a"): 30,
        ("evaluation", "traces", "b"): 40,
        ("analysis", "traces", "all"): 10,
        ("analysis", "recursive", "all"): 10,
        ("evaluation", "traces", "all"): 70,
    }


def test_a_plan_leaves_empty_what_it_cannot_know_and_obeys_the_limit_on_problems():
    known = {"problems": 10, "tokens": 100}
    found = planned({"a": known, "b": None}, limit=3)
    assert (found.loc["a", "n"] == 6).all()
    assert found.loc[["b", "all"], ["n", "rollouts", "generated_tokens"]].isna().all(axis=None)
    assert found["hours"].isna().all()


def test_a_plan_that_assumes_what_traces_show_predicts_what_they_do(run):
    lengths = run["traces"]["token_ids"].map(len)
    q = run["tokens"]["sampler_probability"]
    assumed = cost.Assumptions(
        spread=lengths.std(ddof=0) / lengths.mean(),
        choices=(q < 1).mean(),
        leaving=(1 - q)[q < 1].mean(),
        cliffs=0,
        incorrect=0,
    )
    expected = {"problems": len(lengths), "tokens": lengths.mean()}
    work = cost.Work("analysis", "every", expected, 1, STAGES, ROLLOUTS)
    plan = cost.plan([work], None, BUDGET, assumed, None)
    plan = plan[plan["dataset"].eq("all")].set_index("stage")
    found = predicted(run)
    found = found[found["dataset"].eq("all")].groupby("estimator")[["rollouts", "generated_tokens"]]
    found = found.sum()
    # Independent rollouts depend on lengths alone, of which two moments are all there is to know.
    pd.testing.assert_series_equal(
        plan.loc["independent", found.columns].astype(float),
        found.loc["independent"].astype(float),
        rtol=1e-6,
    )
    # Branches also on where the choices are: rounding up adds a half on average, not exactly.
    ratio = plan.loc["recursive", found.columns] / found.loc["recursive"]
    assert ratio.between(0.9, 1.1).all(), ratio
