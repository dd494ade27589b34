"""What the page says is what the tables say."""

import pandas as pd
import pytest
from helpers import article_folder
from helpers.article_folder import CARD, CONFIG, NAMES
from helpers.exhibits import values
from helpers.repository import ROOT

from cliff_tokens import captions
from cliff_tokens.article import content
from cliff_tokens.formatting import format_cells


@pytest.fixture(scope="module")
def index():
    return article_folder.index()


def test_a_table_has_the_cells_of_its_markdown_and_the_legend_of_its_columns(given):
    frame = values("table_accuracy", given)
    table = content.make_table("table_accuracy", frame)
    cells = format_cells(frame)
    assert [column.name.replace("_", " ") for column in table.legend] == list(cells)
    assert table.rows == cells.values.tolist()
    assert table.numeric[0] is False
    assert all(table.numeric[2:])


def test_the_scorecard_begins_with_the_word_and_shows_its_other_columns(index):
    table = content.make_scorecard(CARD, index, NAMES)
    names = [column.name for column in table.legend]
    assert names[:3] == ["word", "item", "quantity"]
    assert "note" in names
    assert table.words == CARD["word"].tolist()
    assert table.rows[0][names.index("ours")] == "0.50 [0.20, 0.80]"
    assert table.rows[0][1] == "Figure 2"
    assert table.links[0] == "#figure_02_share_with_cliff"
    assert table.links[-1] is None  # its table is not made


def test_findings_are_the_measured_rows_of_an_entry():
    rows = content.find_rows(CARD, "figure_02_share_with_cliff")
    assert [row["word"] for row in rows] == ["agrees", "undecided"]
    assert rows[0]["value"] == "0.50 [0.20, 0.80], n = 12"
    assert rows[0]["why"] == "the interval lies above 0"
    assert [row["word"] for row in content.find_rows(CARD, "table_taxonomy")] == ["by construction"]
    (row,) = content.find_rows(CARD.assign(note=None), "number_44_of_46")
    assert (row["published"], row["why"]) == ("0.96", "")


def test_totals_are_those_of_the_tables(given):
    frames = {name: values(name, given) for name in ("table_accuracy", "table_cliffs")}
    counted = content.totals(frames)
    assert counted["traces"] == len(given["traces"])
    assert counted["tokens"] == len(given["tokens"])
    assert counted["correct"] == given["traces"]["verdict"].eq("correct").sum()
    assert counted["cliffs"] == len(given["cliffs"])
    assert counted["incorrect"] == given["cliffs"]["outcome"].eq("incorrect").sum()
    said = ("confirmed", "unconfirmed", "impossible")
    assert sum(counted[name] for name in said) == counted["cliffs"]


def test_numbers_of_the_paper_are_shown_where_their_table_is_made(index):
    made = content.numbers_of(index, CARD, ["table_agreement"])
    assert [one["name"] for one in made] == ["number_44_of_46"]
    assert content.numbers_of(index, CARD, []) == []
    unmade = content.unmade(index, ["table_accuracy"])
    assert {entry["target"] for entry in unmade} >= {None, "figure_estimators"}
    assert "table_accuracy" not in {entry["target"] for entry in unmade}


def test_the_papers_models_and_data_sets_are_those_of_its_numbers(index):
    assert len(content.of_the_paper(index, "model")) == 7
    assert len(content.of_the_paper(index, "dataset")) == 3


def test_the_methods_are_those_of_the_report_with_the_numbers_of_the_run():
    text = captions.fill(ROOT / "workflow/report/workflow.rst", CONFIG)
    html = content.methods(text)
    assert html.startswith("<p><strong>Traces.</strong>")
    assert "1.645 standard" in html
    with pytest.raises(content.ContentError, match="a section Methods"):
        content.methods("No such thing.")


def test_words_that_the_card_has_are_counted_and_named_for_the_style():
    made = content.words_of(pd.DataFrame({"word": ["by construction", "agrees", "agrees"]}))
    assert [one["slug"] for one in made] == ["agrees", "by-construction"]
    assert [one["count"] for one in made] == [2, 1]
