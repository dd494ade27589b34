"""Flags per model and kind, and what the audit says of them."""

import numpy as np
import pytest
from helpers.exhibits import cell, values

from cliff_tokens.exhibits.table_audit import CERTAIN, FREE
from cliff_tokens.stages.audit import chance


def test_counts_add_up_over_kinds_and_over_models(given):
    summary = values("table_audit", given)
    counts = ["tokens", "n", "by_chance", "impossible", "unconfirmed"]
    for _, model in summary.groupby("model"):
        rows = model.set_index("kind")[counts]
        kinds = rows.drop(index=["all", CERTAIN, FREE]).sum()
        np.testing.assert_allclose(kinds, rows.loc["all"])
        np.testing.assert_allclose(rows.loc[[CERTAIN, FREE]].sum(), rows.loc["all"])
    every = summary[summary["kind"] == "all"].set_index("model")[counts]
    np.testing.assert_allclose(every.drop(index="all").sum(), every.loc["all"])
    assert every.loc["all", "n"] == len(given["cliffs"])


def test_every_flag_on_a_token_that_was_certain_is_impossible(given):
    row = cell(values("table_audit", given), model="all", kind=CERTAIN)
    certain = given["tokens"]["sampler_probability"].eq(1)
    assert row["tokens"] == certain.sum()
    assert row["impossible"] == row["n"] == given["cliffs"]["sampler_probability"].eq(1).sum() > 0
    by_chance = chance(given["estimates"], given["rollouts"], given["test"])
    place = ["trace_id", "t"]
    at = (
        given["estimates"][place]
        .merge(given["tokens"].loc[certain, place], indicator=True, how="left")["_merge"]
        .eq("both")
    )
    assert row["by_chance"] == pytest.approx(by_chance[at].sum())


def test_a_cliff_that_was_audited_but_has_no_estimate_is_refused(given):
    first = given["audit"]["cliff_id"].iloc[0]
    trace_id, t = first.split("@")
    lost = given["estimates"]["trace_id"].eq(trace_id) & given["estimates"]["t"].eq(int(t))
    with pytest.raises(ValueError, match=rf"{first}: was audited but has no estimate"):
        values("table_audit", given, estimates=given["estimates"][~lost])
