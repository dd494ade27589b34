"""The legend of every column that is published, with its unit."""

from importlib.resources import files

import pandas as pd
import pytest
from helpers.exhibits import show, values
from helpers.repository import ROOT

from cliff_tokens import catalogue, legends, paper_index
from cliff_tokens.legends import Column, LegendError
from cliff_tokens.scorecard import COLUMNS

INDEX = paper_index.complete(catalogue.read(ROOT / "config/paper_index.yaml"))
# Made of tables of training, of a reference, of published rollouts or of files: of these the smoke
# run and the tests of their targets ask, since no exhibit writes a column that is not explained.
ELSEWHERE = {"table_problems", "figure_01_decision_boundary"}
SETTINGS = {"kind": "uncertain", "outcome": "incorrect", "shortfall": 0.2}


def test_a_column_has_unit_and_meaning_and_the_ends_of_an_interval_are_of_it():
    found = legends.of_exhibit("table_accuracy", ["n", "accuracy", "accuracy_low", "model"])
    assert found[0] == Column("n", "count", "traces")
    assert found[2] == Column("accuracy_low", "share", "accuracy: lower end of its interval")
    assert found[3].meaning.startswith("the model that wrote")


def test_one_exhibit_may_mean_something_else_by_a_column():
    general, own = (
        legends.of_exhibit(name, ["entropy"])[0].meaning
        for name in ("table_x", "table_entropy_by_greedy")
    )
    assert own != general


def test_a_column_that_nothing_explains_is_an_error_that_says_where():
    with pytest.raises(LegendError, match=r"table_x: .* column 'wat' .*legends\.csv"):
        legends.of_exhibit("table_x", ["model", "wat"])
    # An end without its estimate is a column of its own.
    with pytest.raises(LegendError, match="'wat_low'"):
        legends.of_exhibit("table_x", ["wat_low"])


def test_every_exhibit_that_is_named_is_in_the_paper_index():
    rows = pd.read_csv(files("cliff_tokens") / "legends.csv", keep_default_na=False)
    named = {name for cell in rows.iloc[:, 0] for name in cell.split()}
    assert "table_cliffs" in named
    assert named - {"scorecard"} <= set(INDEX)


def test_every_column_of_the_scorecard_is_explained():
    assert len(legends.of_exhibit("scorecard", COLUMNS)) == len(COLUMNS)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, entry in INDEX.items()
        if entry["target"] == name and entry["needs"] in (None, "pairs") and name not in ELSEWHERE
    ],
)
def test_every_column_that_an_exhibit_publishes_is_explained(given, name):
    ranks = name.partition("ranks_")[2]
    kept = name.partition("pass_at_k_")[2]
    changed = SETTINGS | ({"kind": ranks} if ranks else {}) | ({"outcome": kept} if kept else {})
    drawn = name.startswith(("figure_", "example_"))
    frame = show(name, given, **changed)[0] if drawn else values(name, given, **changed)
    legends.of_exhibit(name, frame.columns)
