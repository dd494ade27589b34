"""Entries say what their names do not; a published number that is not one is named."""

import pytest

from cliff_tokens.catalogue import CatalogueError
from cliff_tokens.paper_index import complete, exhibits, needing, read_published

ENTRIES = {
    "figure_2": {"title": "Shares", "claim": "More."},
    "figure_3": {"title": "Ours", "claim": "Ours.", "needs": "pairs"},
    "table_5": {"title": "Rates", "claim": "Less.", "needs": "dpo"},
    "number_7": {"title": "Seven", "claim": "Seven.", "target": "figure_2"},
    "main_figure": {"part": "figure", "title": "Drawn", "claim": "One.", "target": None},
}
HEADER = "item,quantity,model,k,value,n,quoted_from\n"


def written(tmp_path, *rows):
    path = tmp_path / "published.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return read_published(path)


def test_what_an_entry_does_not_say_follows_from_its_name():
    index = complete(ENTRIES)
    assert index["table_5"] == {
        "part": "table", "target": "table_5", "file": "tables/table_5.md",
        "values": "tables/table_5.csv", "number": None, "original_file": None, "claims": (),
        "by_construction": {}, "selection": {},
        "revision": None, "became": None, "now": None,
        "note": None, "needs": "dpo", "title": "Rates", "claim": "Less.", "published": [],
    }  # fmt: skip
    assert index["number_7"]["part"] == "number"
    assert index["number_7"]["file"] == "figures/figure_2.svg"
    assert index["main_figure"]["file"] is index["main_figure"]["values"] is None


def test_what_an_entry_says_holds():
    stated = {"figure_2": ENTRIES["figure_2"] | {"values": "tables/table_5.csv"}}
    entry = complete(stated)["figure_2"]
    assert (entry["file"], entry["values"]) == ("figures/figure_2.svg", "tables/table_5.csv")


def test_a_run_makes_the_exhibits_whose_need_it_has():
    index = complete(ENTRIES)
    assert exhibits(index, "figure", []) == ["figure_2"]
    assert exhibits(index, "figure", ["pairs"]) == ["figure_2", "figure_3"]
    assert exhibits(index, "table", ["pairs"]) == []
    assert needing(index, "figure", "pairs") == ["figure_3"]


def test_published_numbers_go_to_their_entries(tmp_path):
    numbers = written(tmp_path, "figure_2,hits/n,m,64,0.25,8,release", "table_5,x,,,-1,,paper")
    index = complete(ENTRIES, numbers)
    assert index["figure_2"]["published"] == [
        {
            "quantity": "hits/n", "where": {"model": "m", "k": "64"}, "value": 0.25, "n": 8,
            "quoted_from": "release",
        }
    ]  # fmt: skip
    (number,) = index["table_5"]["published"]
    assert (number["where"], number["value"], number["n"]) == ({}, -1, None)
    assert complete(ENTRIES)["figure_2"]["published"] == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("figure_2,x,m,1,,8,release", "line 2: could not convert"),
        ("figure_2,x,m,1,0.5,8.5,release", "line 2: invalid literal"),
        ("figure_2,x,m,1,0.5,8,hearsay", "release, derived, paper, revised, found 'hearsay'"),
    ],
)
def test_a_row_that_is_no_number_is_named(tmp_path, row, said):
    with pytest.raises(CatalogueError, match=said):
        written(tmp_path, row)


def test_a_number_of_no_entry_and_a_missing_column_are_errors(tmp_path):
    with pytest.raises(CatalogueError, match="no entry 'figure_9'"):
        complete(ENTRIES, written(tmp_path, "figure_9,x,m,1,0.5,8,release"))
    path = tmp_path / "other.csv"
    path.write_text("item,value\n")
    with pytest.raises(CatalogueError, match="missing column n, quantity, quoted_from"):
        read_published(path)
