"""Files of problems: every cell as it is written, and every fault by its place."""

import hashlib
import json
from decimal import Decimal

import pandas as pd
import pytest

from cliff_tokens.problem_files import ProblemError, read


@pytest.fixture
def file(tmp_path):
    """Write a file; its path."""

    def file(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return file


LINES = '{"q": "1+1?", "a": 2}\n{"q": "1+2?", "a": "3"}\n'
SAME = {
    "x.jsonl": LINES,
    "x.json": '[{"q": "1+1?", "a": 2}, {"q": "1+2?", "a": "3"}]',
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("change", ["", "bom", "crlf", "blank"])
def test_marks_ends_of_lines_and_blank_lines_make_no_difference(file, name, change):
    text = SAME[name]
    if change == "bom":
        text = "\ufeff" + text
    if change == "crlf":
        text = text.replace("\n", "\r\n")
    if change == "blank":
        text = "\n\n" + text.replace("\n", "\n  \n") + "\n"
    found = read(file(name, text))
    assert found.to_dict("list") == {"q": ["1+1?", "1+2?"], "a": [2, "3"]}


def test_places_are_what_an_editor_counts(file):
    assert [*read(file("x.jsonl", "\n" + LINES.replace("\n", "\n\n"))).index] == [
        "line 2",
        "line 4",
    ]
    assert [*read(file("x.json", SAME["x.json"])).index] == ["item 1", "item 2"]
    text = 'q,a\n"two\nlines?",1\n\n"one, line?",2\n'
    assert [*read(file("x.csv", text)).index] == ["line 2", "line 5"]
    path = file("x.parquet", b"")
    pd.DataFrame({"q": ["?", "!"]}).to_parquet(path)
    assert [*read(path).index] == ["row 0", "row 1"]


def test_cells_of_a_csv_stay_text(file):
    cells = ["NA", "null", "00012", "1,234", "1e5", " 2 ", "True", "", "[1, 2]", r"\frac{1}{2}"]
    path = file("x.csv", "")
    pd.DataFrame({"q": [f"{n}?" for n in range(len(cells))], "a": cells}).to_csv(path, index=False)
    assert read(path)["a"].tolist() == cells


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_in_a_cell_is_the_same_with_any_end_of_line(file, end):
    text = '\ufeffq,a\n"two\nlines, and ""quotes""?",1\n'.replace("\n", end)
    assert read(file("x.csv", text)).to_dict("list") == {
        "q": ['two\nlines, and "quotes"?'],
        "a": ["1"],
    }


def test_numbers_of_json_keep_their_digits(file):
    written = ["2.5", "2e-05", "1.0", "-0.10", str(10**30 + 1), "9" * 5000]
    lines = "".join(f'{{"q": "{n}?", "a": {text}}}\n' for n, text in enumerate(written))
    found = read(file("x.jsonl", lines))["a"].tolist()
    assert found == [Decimal(text) for text in written]
    assert str(found[3]) == "-0.10"


def test_lists_truth_values_and_nothing_stay_what_they_are(file):
    cells = [["2", 5], True, None, {"value": 1}]
    lines = "\n".join(json.dumps({"a": cell}) for cell in cells) + '\n{"q": "?"}'
    found = read(file("x.jsonl", lines))["a"].tolist()
    assert found[:4] == cells
    assert pd.isna(found[4])


def test_a_string_of_json_may_hold_other_ends_of_lines(file):
    assert read(file("x.jsonl", '{"q": "a\u2028b\x85c"}\n'))["q"].tolist() == ["a\u2028b\x85c"]


def test_integers_of_parquet_stay_whole_beside_null(file):
    path = file("x.parquet", b"")
    frame = pd.DataFrame({"q": ["a", "b"], "a": pd.array([2**60 + 1, None], "Int64")})
    frame.set_index("q").to_parquet(path)  # an index is a column like any other
    found = read(path)
    assert found["a"].tolist() == [2**60 + 1, None]
    assert found["q"].tolist() == ["a", "b"]


def test_the_hash_is_compared_and_a_wrong_one_told(file):
    path = file("x.jsonl", '{"q": "?"}\n')
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ProblemError, match=rf"expected the sha256 {'0' * 64}, found {right}; "):
        read(path, "0" * 64)
    assert read(path, right).equals(read(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", LINES, r"expected a file that ends in \.jsonl, \.json, \.csv, \.parquet"),
        ("x.jsonl", "", "holds no problem"),
        ("x.json", "[]", "holds no problem"),
        ("x.csv", "q,a\n", "holds no problem"),
        ("x.csv", "", "holds no problem"),
        ("x.jsonl", LINES + "\n{'q': 1}", "line 4, column 2: Expecting property name"),
        ("x.jsonl", LINES + '{"q": 1} {"q": 2}', "line 3, column 10: Extra data"),
        ("x.jsonl", LINES + "5", "line 3: expected an object .* found 5"),
        ("x.jsonl", "[1]", r"line 1: expected an object .* found a list; .* ends in \.json"),
        ("x.jsonl", '{"q": 1, "q": 2}', "line 1: the key 'q' occurs twice"),
        ("x.jsonl", "[" * 100_000, "line 1: .*recursion"),
        ("x.json", LINES, r"line 2, column 1: Extra data; one object a line .* \.jsonl"),
        ("x.json", '{"data": []}', "expected a list of objects, found an object with 'data'"),
        ("x.json", '[{"q": 1}, "q"]', "item 2: expected an object .* found 'q'"),
        ("x.csv", "q,a\n1\n", "line 2: expected 2 cells, as in the header, found 1"),
        ("x.csv", 'q,a\n1,2\n"1"2,3\n', r"line 3: .*expected cells with commas"),
        ("x.csv", 'q,a\n1,2\n"1,3\n', "line 3: unexpected end of data"),
        ("x.csv", "q;a\n1;2\n", "columns are separated by semicolons; expected commas"),
        ("x.csv", "q,a,q\n1,2,3\n", "the header has the column 'q' twice"),
        ("x.csv", "q,a\n1,caf\xe9\n".encode("latin-1"), r"line 2: byte 9 is 0xe9, .*not UTF-8"),
        ("x.jsonl", LINES.encode("utf-16"), "line 1: byte 0 is 0xff, which is not UTF-8"),
        ("x.parquet", LINES, "not a readable parquet file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_place(file, name, content, message):
    with pytest.raises(ProblemError, match=rf"{name}: {message}"):
        read(file(name, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ProblemError, match=r"away\.jsonl: cannot be read \(No such file"):
        read(tmp_path / "away.jsonl")
