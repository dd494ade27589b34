"""Flags per model and kind, and what the audit says of them."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import cell, values
from scipy.stats import false_discovery_control

from cliff_tokens.exhibits.table_audit import CERTAIN, FREE, chance_to_miss
from cliff_tokens.stages.audit import chance
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.statistics import fisher_p, unpooled_error


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


def test_what_the_discovery_rate_keeps_is_of_all_tokens_of_the_run_that_could_be_replaced(given):
    table = values("table_audit", given)
    tokens = given["estimates"].merge(given["tokens"], on=["trace_id", "t"])
    free = tokens[tokens["sampler_probability"] < 1]
    drawn = np.full(len(free), 64)
    before, after = (np.rint(free[side].to_numpy() * 64) for side in ("before", "after"))
    q = false_discovery_control(fisher_p(before, after, drawn, drawn))
    names = (free["trace_id"] + "@" + free["t"].astype(str))[q <= 0.05]
    kept = given["cliffs"]["cliff_id"].isin(names)
    assert cell(table, model="all", kind="all")["kept"] == kept.sum() > 0
    assert cell(table, model="all", kind=CERTAIN)["kept"] == 0
    small = given["cliffs"]["model"].eq("small")
    assert cell(table, model="small", kind="all")["kept"] == kept[small].sum()


@pytest.mark.parametrize(("drop", "power"), [(0.1, 0.05), (0.2, 0.32), (0.25, 0.56)])
def test_the_chance_to_miss_is_one_less_the_power_of_the_rule(drop, power):
    test = CliffTest()
    rng = np.random.default_rng(3)
    before, after = rng.binomial(64, [[0.55], [0.55 - drop]], (2, 40_000))
    flagged = test.flags((before - after) / 64, unpooled_error(before, after, 64)).mean()
    assert flagged == pytest.approx(power, abs=0.025)
    error = np.sqrt((0.55 * 0.45 + (0.55 - drop) * (0.45 + drop)) / 64)
    (missed,) = chance_to_miss(pd.Series([drop]), pd.Series([error]), test)
    assert missed == pytest.approx(1 - flagged, abs=0.03)
    assert chance_to_miss(pd.Series([1.0]), pd.Series([0.0]), test) == 0


def test_unconfirmed_flags_stand_beside_how_many_true_ones_the_rule_would_miss(given):
    row = cell(values("table_audit", given), model="all", kind="all")
    above = given["audit"].query("fresh_drop > 0.1")
    assert row["above_margin"] == len(above)
    missed = chance_to_miss(above["fresh_drop"], above["fresh_se"], given["test"])
    assert row["expected_unconfirmed"] == pytest.approx(missed.sum())
    assert 0 < row["expected_unconfirmed"] < len(above) / 2
