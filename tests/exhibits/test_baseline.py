"""Cliff tokens against all tokens: kinds, greedy tokens, entropy."""

import pandas as pd
import pytest
from helpers.exhibits import cell, values


def test_kinds_are_divided_as_the_cliffs_are(given):
    frame = values("table_taxonomy", given)
    for model, rows in frame.groupby("model"):
        own = given["cliffs"] if model == "all" else given["cliffs"].query("model == @model")
        counted = rows.set_index("kind")["cliffs"]
        assert counted[counted > 0].to_dict() == own["kind"].value_counts().to_dict()
        assert rows["share"].sum() == pytest.approx(1)
        assert rows["baseline"].sum() == pytest.approx(1)


def test_entropy_by_greedy_is_the_taxonomy_by_another_name(given):
    kinds = values("table_taxonomy", given).set_index(["model", "kind"])
    table = values("table_entropy_by_greedy", given).set_index(["model", "entropy", "greedy"])
    for kind, entropy, greedy in [
        ("deterministic", "low", "yes"),
        ("uncertain", "high", "yes"),
        ("sampled_off", "high", "no"),
        ("other", "low", "no"),
    ]:
        pd.testing.assert_series_equal(
            kinds.loc[("all", kind)], table.loc[("all", entropy, greedy)], check_names=False
        )


def test_greedy_ratio_divides_two_shares(given):
    row = cell(values("table_greedy_ratio", given), model="all")
    share, baseline = given["cliffs"]["rank"].eq(1).mean(), given["tokens"]["rank"].eq(1).mean()
    assert row["ratio"] == pytest.approx(share / baseline)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
