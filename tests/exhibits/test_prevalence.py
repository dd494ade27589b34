"""How common cliffs are: Figures 2 and 3."""

import numpy as np
import pytest
from helpers.exhibits import cell, show, values, words

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.prevalence import count_cliffs


def test_a_model_without_incorrect_traces_keeps_its_row(given):
    found = {
        name: cell(values(name, given), model="large", dataset="all", outcome="incorrect")
        for name in ("figure_02_share_with_cliff", "figure_03_cliffs_per_trace")
    }
    assert {row["n"] for row in found.values()} == {0}
    assert np.isnan(found["figure_02_share_with_cliff"]["share_with_cliff"])
    assert np.isnan(found["figure_03_cliffs_per_trace"]["cliffs_per_trace_low"])
    frame = values("figure_02_share_with_cliff", given)
    assert cell(frame, model="large", dataset="all", outcome="correct")["n"] == 36


@pytest.mark.parametrize(
    ("name", "rate", "of"),
    [
        ("figure_02_share_with_cliff", "share_with_cliff", lambda counts: (counts > 0).mean()),
        ("figure_03_cliffs_per_trace", "cliffs_per_trace", lambda counts: counts.mean()),
    ],
)
def test_the_rates_drawn_are_those_of_the_counted_traces(given, name, rate, of):
    counted = count_cliffs(given["traces"], given["cliffs"])
    for row in values(name, given).to_dict("records"):
        among = counted["model"].eq(row["model"]) & counted["outcome"].eq(row["outcome"])
        if row["dataset"] != "all":
            among &= counted["dataset"].eq(row["dataset"])
        assert row["n"] == among.sum()
        np.testing.assert_allclose(row[rate], of(counted.loc[among, "cliffs"]), rtol=1e-12)


def test_few_traces_are_drawn_hollow_and_none_are_named(given):
    assert style.face("#000000", 4) == "white"
    assert style.face("#000000", 5) == "#000000"
    assert "none" in words(show("figure_02_share_with_cliff", given)[1])


def test_correct_traces_without_any_cliff_leave_the_difference_an_interval(given):
    """0 on correct traces has no spread; the difference has that of the incorrect ones."""
    correct = given["traces"].query("verdict == 'correct'")["trace_id"]
    cliffs = given["cliffs"][~given["cliffs"]["trace_id"].isin(correct)]
    frame = values("figure_03_cliffs_per_trace", given, cliffs=cliffs)
    sides = [cell(frame, model="small", dataset="all", outcome=o) for o in ("correct", "incorrect")]
    assert sides[0]["cliffs_per_trace"] == 0
    assert np.isnan(sides[0]["cliffs_per_trace_low"])
    assert sides[1]["difference"] == pytest.approx(sides[1]["cliffs_per_trace"])
    assert 0 < sides[1]["difference_low"] < sides[1]["difference"] < sides[1]["difference_high"]


def test_the_difference_is_that_of_the_two_rates_and_needs_both(given):
    frame = values("figure_02_share_with_cliff", given)
    for dataset in ("chains", "all"):
        sides = [
            cell(frame, model="small", dataset=dataset, outcome=o) for o in ("incorrect", "correct")
        ]
        rates = [side["share_with_cliff"] for side in sides]
        assert (
            sides[0]["difference"] == sides[1]["difference"] == pytest.approx(rates[0] - rates[1])
        )
    assert frame.loc[frame["model"].eq("large"), "difference"].isna().all()
