"""What each estimator draws, and which stage plans it."""

import pytest

from cliff_tokens.revisions import REVISIONS
from cliff_tokens.stages.estimators import (
    AT_CLIFFS,
    ESTIMATORS,
    covered,
    draws_of,
    scored,
    stage_of,
)
from cliff_tokens.tables import TABLES


def test_rounds_that_estimators_share_are_drawn_once():
    assert draws_of(["recursive", "adaptive"]) == ["recursive", "adaptive"]
    assert draws_of(["adaptive", "independent"], "branches") == ["recursive", "adaptive"]
    assert draws_of(["adaptive", "independent"], "potential") == ["independent"]
    assert draws_of(["simulated"]) == []


def test_what_costs_most_is_run_on_the_subset():
    assert covered("traces", "independent") == covered("traces", "reference") == "subset/traces"
    assert covered("tokens", "recursive") == covered("tokens", "adaptive") == "tokens"
    assert covered("tokens", "simulated") == "tokens"


@pytest.mark.parametrize("draws", [*draws_of(ESTIMATORS), *(f"{name}/any" for name in AT_CLIFFS)])
def test_the_stage_that_plans_draws_has_a_revision(draws):
    assert stage_of(draws) in REVISIONS


def test_counts_are_tables():
    assert {estimator.counts for estimator in ESTIMATORS.values()} <= set(TABLES)


def test_what_takes_no_rollouts_of_its_own_is_scored_beside_what_drew_them():
    assert draws_of(["independent", "recycled"]) == ["independent"]
    assert scored(["recursive"]) == ["recursive", "adaptive"]
    assert scored(["independent"]) == ["independent", "recycled", "recursive", "adaptive"]
