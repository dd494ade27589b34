"""Fixtures of the exhibits."""

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

from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.stages.recursion import estimate_recursive, plan_branches
from cliff_tokens.stages.traces import score


@pytest.fixture(scope="session")
def chain() -> dict[str, pd.DataFrame]:
    """Tables of a Markov chain: 16 rollouts at every prefix, and a reference with N = 128.

    ``exact`` are estimates without error, by linear algebra.
    """
    engine, sampler = MarkovEngine(vocabulary=10, seed=4), Sampler(temperature=1.0, top_p=0.9)
    problems, traces = sample_chain(engine, sampler, 25)
    walker = policy(engine, sampler)
    potential = count_potential(traces, problems, walker, 16)
    tokens, alternatives = score(traces, walker, support=20)
    plan = plan_branches(tokens, alternatives, 128, 1, "reference")
    branches = count_branches(plan, traces, problems, walker, seed=1)
    values = engine.potentials(sampler)
    ids = tokens.sort_values(["trace_id", "t"])
    first = ids["trace_id"].ne(ids["trace_id"].shift(1))
    states = np.where(first, START, ids["token_id"].shift(1, fill_value=START))
    exact = ids[["trace_id", "t"]].assign(
        before=values[states], after=values[ids["token_id"]], before_se=0.0, drop_se=0.0
    )
    axes = {"model": "markov", "dataset": "chain"}
    independent = estimate_independent(potential, traces)
    return {
        "traces": traces,
        "tokens": tokens,
        "alternatives": alternatives,
        "potential": potential.assign(**axes),
        "branches": branches.assign(**axes, draws="reference"),
        "exact": exact.assign(estimator="reference"),
        "independent": independent.assign(estimator="independent"),
        "reference": estimate_recursive(traces, tokens, branches),
    }
