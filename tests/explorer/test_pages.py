"""The folder: files and their sizes, what is escaped, and what is never overwritten."""

import json
import re

import pytest

from cliff_tokens.explorer import pages

HEAD = {"title": "r", "of": "run", "rule": {"margin": 0.1, "z": 1.645}, "confidence": 0.95}


def trace(name, **more):
    reading = {"potential": [5000, 10000], "threshold": [1000], "cliffs": []}
    return {"id": name, "problem": 0, "length": 1, "readings": {"one": reading}} | more


def values(path):
    """The JSON value of a data file."""
    text = path.read_text(encoding="ascii")
    return json.loads(re.fullmatch(r'cliffTokens\.receive\("[\w-]+",(.*)\);\n', text, re.S)[1])


def test_traces_share_files_up_to_a_size_and_the_index_says_where_each_is(tmp_path):
    rows = [(trace(f"t{i}", tokens=["x" * 20_000]), "y" * 100_000) for i in range(7)]
    assert pages.write(tmp_path / "out", HEAD, rows) == 7
    index = values(tmp_path / "out/data/index.js")
    assert index["traces"]["file"] == [0, 0, 0, 1, 1, 1, 2]
    assert index["traces"]["text"] == [0, 0, 1, 1, 2, 2, 3]
    for place, (row, _) in enumerate(rows):
        part = values(tmp_path / f"out/data/traces-{index['traces']['file'][place]:04d}.js")
        assert row in part
    assert index["estimators"] == ["one"]


def test_names_are_codes_and_an_unknown_one_is_none(tmp_path):
    rows = [(trace("a", model="m", verdict="correct"), ""), (trace("b", model="n"), "")]
    pages.write(tmp_path / "out", HEAD, rows)
    index = values(tmp_path / "out/data/index.js")
    assert (index["models"], index["traces"]["model"]) == (["m", "n"], [0, 1])
    assert (index["verdicts"], index["traces"]["verdict"]) == (["correct"], [0, -1])


def test_the_main_estimator_comes_first_and_a_reading_may_be_missing(tmp_path):
    other = trace("b") | {"readings": {"two": trace("b")["readings"]["one"]}}
    pages.write(tmp_path / "out", HEAD, [(trace("a"), ""), (other, "")], main="two")
    index = values(tmp_path / "out/data/index.js")
    assert index["estimators"] == ["two", "one"]
    assert [row is None for row in index["traces"]["readings"]["one"]] == [False, True]
    assert [row is None for row in index["traces"]["readings"]["two"]] == [True, False]


def test_no_letter_of_a_value_means_anything_in_a_script():
    hostile = "</script><!--&\u2028\u2029\x00\u202e\ud800é"
    text = pages.encode({"a": hostile})
    assert text.isascii()
    assert not set("<>&\x00") & set(text)
    assert json.loads(text) == {"a": hostile}


def test_what_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        pages.encode(float("nan"))


def test_equal_traces_give_equal_bytes_and_an_explorer_is_replaced(tmp_path):
    for name in ("a", "b", "a"):
        pages.write(tmp_path / name, HEAD, [(trace("t"), "")])
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*"))
    assert files == sorted(path.relative_to(tmp_path / "b") for path in (tmp_path / "b").rglob("*"))
    for name in files:
        if (tmp_path / "a" / name).is_file():
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(pages.PagesError, match="there is something else"):
        pages.write(tmp_path, HEAD, [])
    assert (tmp_path / "thesis.tex").exists()


def test_a_failure_leaves_what_was_there(tmp_path):
    pages.write(tmp_path / "out", HEAD, [(trace("t"), "")])
    before = (tmp_path / "out/data/index.js").read_bytes()

    def broken():
        yield trace("u"), ""
        raise RuntimeError

    with pytest.raises(RuntimeError):
        pages.write(tmp_path / "out", HEAD, broken())
    assert (tmp_path / "out/data/index.js").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(pages.PagesError, match="cannot be written"):
        pages.write(tmp_path / "file/out", HEAD, [])


def test_the_page_itself_is_small_and_asks_nothing_of_the_network(tmp_path):
    pages.write(tmp_path / "out", HEAD, [(trace("t"), "")])
    shell = [path for path in (tmp_path / "out").iterdir() if path.is_file()]
    assert {path.suffix for path in shell} == {".html", ".js", ".css"}
    assert sum(path.stat().st_size for path in shell) < 300_000
    for path in shell:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|fetch\(|XMLHttpRequest|innerHTML|eval\(", text), path.name
        assert len(text.splitlines()) <= 400, path.name
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert (tmp_path / "out" / name).is_file(), name
    listed = re.findall(r'src="([\w-]+\.js)"', page)
    assert sorted(listed) == sorted(path.name for path in shell if path.suffix == ".js")
