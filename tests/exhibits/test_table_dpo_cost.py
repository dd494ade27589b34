"""The cost of Cliff-DPO by hand."""

import pandas as pd
from helpers.answers import ADAPTERS

from cliff_tokens import tables
from cliff_tokens.exhibits.table_dpo_cost import values
from cliff_tokens.stages.estimators import Protocol

PROTOCOL = Protocol(rollouts=4, branches=4, second_round=1.0)

NO_POTENTIAL, NO_BRANCHES, NO_CANDIDATES, NO_FORKS = map(
    tables.empty, ("potential", "branches", "candidates", "forks")
)


def test_detection_is_counted_where_it_was_run_and_predicted_where_not():
    # One trace of three tokens at N = 4: 12 independent rollouts, 4 * (3 + 2 + 1) = 24 tokens.
    traces = pd.DataFrame(
        {"trace_id": ["m/t/p/0"], "model": "m", "dataset": "t", "problem_id": "p",
         "token_ids": [[5, 6, 7]]}
    )  # fmt: skip
    tokens = pd.DataFrame(
        {"trace_id": "m/t/p/0", "t": [1, 2, 3], "sampler_probability": [0.5, 1.0, 0.5]}
    )
    branches = pd.DataFrame(
        {
            "trace_id": "m/t/p/0",
            "t": [1, 3],
            "rollouts": [2, 2],
            "generated_tokens": [5, 2],
            "model": "m",
            "dataset": "t",
            "draws": "recursive",
        }
    )
    candidates = pd.DataFrame(
        {
            "cliff_id": ["m/t/p/0@1"],
            "rollouts": [4],
            "reused": [1],
            "generated_tokens": [9],
            "model": "m",
            "estimator": "recursive",
        }
    )
    forks = pd.DataFrame({"model": "m", "estimator": "recursive", "rollouts": [8, 8]})
    adapters = pd.concat([ADAPTERS, ADAPTERS.assign(variant="forks")])
    found = values(
        adapters, traces, tokens, NO_POTENTIAL, branches, candidates, forks, PROTOCOL,
        {"all": "recursive", "forks": "recursive", "uncertain": None},
    ).set_index("variant")  # fmt: skip
    row = found.loc["all"]
    assert (row["seeds"], row["pairs"], row["loss_positions"]) == (2, 40, 80)
    assert row["steps"] == 4
    assert (row["recursive_rollouts"], row["recursive_tokens"]) == (4, 7)
    assert (row["independent_rollouts"], row["independent_tokens"]) == (12, 24)
    assert (row["recursive_source"], row["independent_source"]) == ("counted", "predicted")
    assert row["pair_rollouts"] == 3  # of four, one was taken over from another table
    assert found.loc["forks", "pair_rollouts"] == 16  # both sides, and no candidates
    none = values(
        ADAPTERS, traces, tokens, NO_POTENTIAL, branches.iloc[:0], candidates.iloc[:0], NO_FORKS,
        PROTOCOL, {"all": "recursive"},
    ).iloc[0]  # fmt: skip
    assert (none["recursive_rollouts"], none["pair_rollouts"]) == (0, 0)
    row = found.loc["uncertain"]
    assert row["recursive_source"] == row["independent_source"] == "not needed"
    assert row["recursive_rollouts"] == row["pair_rollouts"] == 0
    drawn = branches.drop(columns="draws")
    row = values(
        ADAPTERS,
        traces,
        tokens,
        drawn,
        NO_BRANCHES,
        NO_CANDIDATES,
        NO_FORKS,
        PROTOCOL,
        {"uncertain": None, "all": None},
    ).iloc[1]
    assert row["independent_source"] == "not needed"


def test_independent_rollouts_are_counted_too():
    traces = pd.DataFrame(
        {"trace_id": ["m/t/p/0"], "model": "m", "dataset": "t", "problem_id": "p",
         "token_ids": [[5]]}
    )  # fmt: skip
    tokens = pd.DataFrame({"trace_id": "m/t/p/0", "t": [1], "sampler_probability": [0.5]})
    potential = pd.DataFrame(
        {"trace_id": "m/t/p/0", "model": "m", "dataset": "t", "rollouts": [4],
         "generated_tokens": [9]}
    )  # fmt: skip
    candidates = pd.DataFrame({"model": "m", "estimator": ["x"], "rollouts": [4], "reused": [4]})
    row = values(
        ADAPTERS,
        traces,
        tokens,
        potential,
        NO_BRANCHES,
        candidates,
        NO_FORKS,
        PROTOCOL,
        {"all": "independent"},
    ).iloc[0]
    assert (row["independent_tokens"], row["independent_source"]) == (9, "counted")
    # Two branches after the only token, of which nothing remains: N (1 - q) = 2.
    assert (row["recursive_rollouts"], row["recursive_source"]) == (2, "predicted")
    assert row["pair_rollouts"] == 0  # of another catalogue
