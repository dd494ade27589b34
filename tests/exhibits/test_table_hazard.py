"""Means of the cliff mass by model, kind and reading."""

import numpy as np
import pytest
from helpers.exhibits import INTERVALS
from helpers.two_cliffs import ARMS, CANDIDATES, CLIFFS, ESTIMATES

from cliff_tokens.exhibits.table_hazard import values
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.masses import find_members, weigh


def test_the_hazard_table_averages_cliffs_and_a_kind_without_any_is_not_zero():
    members = find_members(CANDIDATES, CLIFFS, ESTIMATES, ARMS, CliffTest())
    rows = values(weigh(CANDIDATES, members, CLIFFS), INTERVALS, ["m"])
    rows = rows.set_index(["model", "kind", "reading"])
    pooled = rows.loc[("m", "all", "published")]
    assert pooled["n"] == pooled["problems"] == 2
    # (.3 + .6) / 2; two problems tell no interval.
    assert pooled["cliff_mass"] == pytest.approx(0.45)
    assert pooled["cliff_mass_median"] == pytest.approx(0.45)
    assert pooled[["cliff_mass_low", "cliff_mass_median_high"]].isna().all()
    assert pooled["cliff_candidates"] == 1.5
    assert pooled["entropy"] == pytest.approx(1.0)
    alone = rows.loc[("m", "uncertain", "own")]
    assert (alone["n"], alone["cliff_mass"]) == (1, pytest.approx(0.6))
    assert np.isnan(alone["cliff_mass_low"])
    nothing = rows.loc[("m", "deterministic", "own")]
    assert nothing["n"] == 0
    assert nothing.drop(["n", "problems"]).isna().all()
