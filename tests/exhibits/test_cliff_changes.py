"""Cliffs before and after training, by hand."""

import pandas as pd
from helpers.answers import ADAPTERS, INTERVALS, recounts

from cliff_tokens.exhibits.cliff_changes import cliff_changes

VARIANTS = ["all", "uncertain"]


def test_cliffs_are_compared_per_trace_and_per_token():
    rows = pd.concat(
        [recounts([2, 1, 0, 1, 1], "base"), recounts([1, 0, 0, 1, 0], "all", tokens=100)]
    )
    found = cliff_changes(rows, ADAPTERS, INTERVALS, ["m"], VARIANTS, ["chains"]).set_index(
        "variant"
    )
    assert found["per_trace"].tolist()[:2] == [1.0, 0.4]
    assert found["per_1000_tokens"].tolist()[:2] == [20.0, 4.0]
    tuned = found.loc["all"]
    assert (tuned["change"], tuned["change_per_1000_tokens"]) == (-0.6, -16.0)
    assert tuned["change_low"] <= -0.6 <= tuned["change_high"]
    assert tuned["p"] == 0.25  # three problems with one cliff less: all signs equal in 2 of 8
    assert (tuned["cliffs"], tuned["uncertain"], tuned["tokens"]) == (2, 2, 500)


def test_a_variant_without_pairs_has_no_cliffs_rather_than_none():
    found = cliff_changes(recounts([1, 1], "base"), ADAPTERS, INTERVALS, ["m"], ["all"], ["chains"])
    empty = found.set_index("variant").loc["all"]
    assert (empty["n"], empty["traces"]) == (0, 0)
    assert empty[["per_trace", "per_1000_tokens", "change", "accuracy"]].isna().all()
