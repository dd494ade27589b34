"""The first cliff of each incorrect trace, and no other."""

import pytest
from helpers.exhibits import values


def test_each_incorrect_trace_with_a_cliff_counts_once(given):
    table = values("table_first_cliff", given)
    cliffs = given["cliffs"]
    incorrect = cliffs[cliffs["outcome"].eq("incorrect")]
    assert incorrect["trace_id"].duplicated().any()
    deleted = table[table["arm"].eq("del") & table["k"].eq(1)]
    traces = incorrect.groupby(["model", "dataset"])["trace_id"].nunique()
    counted = deleted.set_index(["model", "dataset"])["n"]
    assert counted[counted > 0].to_dict() == traces.to_dict()


def test_it_is_the_first_that_counts(given):
    cell = given["cliffs"].query("model == 'small' and dataset == 'chains'")
    first = cell.sort_values("t").groupby("trace_id").head(1).query("outcome == 'incorrect'")
    arms = given["resampling"].query("arm == 'keep'").set_index("cliff_id")
    expected = (arms["successes"] / arms["rollouts"])[first["cliff_id"]].mean()
    table = values("table_first_cliff", given)
    row = table.query("model == 'small' and dataset == 'chains' and arm == 'keep' and k == 1")
    assert row["mean"].iloc[0] == pytest.approx(expected)
