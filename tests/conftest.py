"""Options and fixtures of all tests."""

from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pandas as pd
import pytest

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")


def pytest_addoption(parser):
    parser.addoption(
        "--fix", action="store_true", help="rewrite generated documents in place of comparing them"
    )


def pytest_collection_modifyitems(items):
    """Put files of the workflow first, those of fewest tests before others.

    They are the longest. Whoever takes one last works on alone while other workers are done.
    """
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.parent.name != "workflow", tests[item.path]))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def fix(pytestconfig) -> bool:
    """Whether generated documents are to be rewritten."""
    return pytestconfig.getoption("--fix")


@pytest.fixture(scope="session")
def given() -> dict:
    """Tables and settings of a synthetic run; the larger model's traces are all correct."""
    from helpers import exhibits, synthetic

    datasets = ("chains", "factors", "marathons")
    return exhibits.given(synthetic.run(datasets=datasets, always_correct=("large",)))


@pytest.fixture(scope="session")
def quiet() -> dict:
    """The same of a run without any cliff."""
    from helpers import exhibits, synthetic

    return exhibits.given(synthetic.run(problems=3, jump=0))


@pytest.fixture(scope="session")
def chain() -> dict[str, pd.DataFrame]:
    """Tables of a Markov chain: 16 rollouts at every prefix, and a reference with N = 128.

    ``exact`` are estimates without error, by linear algebra.
    """
    from helpers import markov

    from cliff_tokens.policies.sampling import Sampler
    from cliff_tokens.stages.independent import estimate_independent
    from cliff_tokens.stages.recursion import estimate_recursive, plan_branches
    from cliff_tokens.stages.traces import score

    engine, sampler = (
        markov.MarkovEngine(vocabulary=10, seed=4),
        Sampler(temperature=1.0, top_p=0.9),
    )
    problems, traces = markov.sample_chain(engine, sampler, 25)
    walker = markov.policy(engine, sampler)
    potential = markov.count_potential(traces, problems, walker, 16)
    tokens, alternatives = score(traces, walker, support=20)
    plan = plan_branches(tokens, alternatives, 128, 1, "reference")
    branches = markov.count_branches(plan, traces, problems, walker, seed=1)
    values = engine.potentials(sampler)
    ids = tokens.sort_values(["trace_id", "t"])
    first = ids["trace_id"].ne(ids["trace_id"].shift(1))
    states = np.where(first, markov.START, ids["token_id"].shift(1, fill_value=markov.START))
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


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium, one for all pages that the tests of a session open."""
    from helpers import browser

    with browser.started() as chromium:
        yield chromium


@pytest.fixture
def seen() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Agreement, cliffs and members by hand: three cliffs of one source, one without a control."""
    rows = [
        # cliff, group, token, sampled, source p, rank, evaluator p, rank
        ("s/d/a/0@3", "cliff", 5, True, 0.60, 1, 0.20, 3),
        ("s/d/a/0@3", "cliff", 6, False, 0.30, 2, 0.50, 1),
        ("s/d/a/0@3", "cliff", 7, False, 0.10, 3, 0.25, 2),
        ("s/d/a/0@3", "control", 9, True, 0.62, 1, 0.52, 1),
        ("s/d/b/0@8", "cliff", 5, True, 0.50, 1, 0.70, 1),
        ("s/d/b/0@8", "control", 2, True, 0.49, 1, 0.39, 1),
        ("s/d/b/0@9", "cliff", 4, True, 0.02, 25, 0.01, 30),
    ]
    columns = [
        "cliff_id", "group", "token_id", "is_sampled", "source_probability", "source_rank",
        "probability", "rank",
    ]  # fmt: skip
    agreement = pd.DataFrame(rows, columns=columns).assign(evaluator="e", t=3)
    cliffs = pd.DataFrame({"cliff_id": agreement["cliff_id"].unique()})
    cliffs["kind"] = ["uncertain", "uncertain", "sampled_off"]
    cliffs = cliffs.assign(model="s", dataset="d", problem_id=["a", "b", "b"])
    members = [("s/d/a/0@3", 5), ("s/d/a/0@3", 7), ("s/d/b/0@8", 5), ("s/d/b/0@9", 4)]
    members = pd.DataFrame(members, columns=["cliff_id", "token_id"]).assign(reading="published")
    # Another reading, in which token 6 is a member too, must not be read.
    return agreement, cliffs, pd.concat([members, members.assign(token_id=6, reading="own")])
