"""The predicted cost against counts, and that it is right on average where lengths are known."""

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.exhibits import INTERVALS, cell
from helpers.markov import START, WRONG, MarkovEngine

from cliff_tokens import tables
from cliff_tokens.exhibits import table_cost_used
from cliff_tokens.exhibits.cost_model import predict
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.recursion import as_branches, plan_branches
from cliff_tokens.stages.simulated_draws import expected_lengths

SAMPLER = Sampler(temperature=1.0, top_p=0.9)
MODELS, DATASETS = ["small", "large"], ["chains", "factors"]
PROTOCOL = Protocol(rollouts=64, branches=32, second_round=1.0)


@pytest.fixture(scope="module")
def run():
    return synthetic.run()


def predicted(run, speed=20000):
    return predict(run["traces"], run["tokens"], PROTOCOL, speed, INTERVALS, MODELS, DATASETS)


def test_rollouts_are_predicted_exactly(run):
    found = cell(predicted(run), model="small", dataset="chains", estimator="independent")
    counts = run["potential"]
    counts = counts[counts["trace_id"].str.startswith("small/chains/")]
    assert found["rollouts"] == counts["rollouts"].sum()
    lengths = run["traces"].set_index("trace_id")["token_ids"].map(len)
    lengths = lengths[lengths.index.str.startswith("small/chains/")]
    assert found["generated_tokens"] == PROTOCOL.rollouts * sum(n * (n + 1) // 2 for n in lengths)


def test_branches_are_counted_as_they_are_planned(run):
    tokens = run["tokens"]
    free = tokens[tokens["sampler_probability"] < 1]
    alternatives = free[["trace_id", "t"]].assign(
        token_id=99, probability=1 - free["sampler_probability"]
    )
    planned = plan_branches(tokens, alternatives, PROTOCOL.branches, 1, "recursive")
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
    counts = run["potential"]
    names = counts["trace_id"].str.split("/", expand=True)
    counts = counts.assign(model=names[0], dataset=names[1])
    found = table_cost_used.values(
        run["traces"], run["tokens"], counts, tables.empty("branches"), PROTOCOL, None, INTERVALS,
        MODELS, DATASETS,
    )  # fmt: skip
    row = cell(found, model="small", dataset="all", estimator="independent")
    used = counts.loc[counts["model"].eq("small"), "generated_tokens"].sum()
    assert row["used_generated_tokens"] == used
    assert row["used_rollouts"] == row["rollouts"]
    assert row["ratio"] == pytest.approx(used / row["generated_tokens"])
    assert found.loc[found["estimator"].eq("recursive"), "ratio"].isna().all()


def test_missing_scores_are_refused(run):
    with pytest.raises(ValueError, match="score the traces again"):
        predict(run["traces"], run["tokens"].iloc[1:], PROTOCOL, None, INTERVALS, [], [])


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
    planned = as_branches(
        plan_branches(tokens, pd.concat(others, ignore_index=True), PROTOCOL.branches, 1, "plan")
    )
    branches = planned.assign(
        generated_tokens=planned["rollouts"] * expected[planned["first_token_id"]]
    )
    true = {
        "independent": PROTOCOL.rollouts * expected_lengths(tokens, branches)["length"].sum(),
        "recursive": branches["generated_tokens"].sum(),
    }
    traces = pd.DataFrame(sampled, columns=columns)
    found = predict(traces, tokens, PROTOCOL, None, INTERVALS, ["markov"], ["chain"])
    for name, wanted in true.items():
        row = cell(found, dataset="all", estimator=name)
        assert row["generated_tokens_low"] < wanted < row["generated_tokens_high"], name
        assert row["generated_tokens"] == pytest.approx(wanted, rel=0.15)
