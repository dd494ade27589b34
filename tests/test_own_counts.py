"""Counts of any origin are read as they are, and refused row by row where they cannot be."""

import re

import pandas as pd
import pytest
from helpers.counts import COUNTS, frame

from cliff_tokens.__main__ import main
from cliff_tokens.detection import detect_counts
from cliff_tokens.own_counts import CountsError, check_counts, read_counts


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\n\n"),
        lambda text: "\n" + text + ",,,,,,\n",
        lambda text: text.replace(",64,", ",64.0,"),
        lambda text: text.replace("trace,", "trace_id,").replace(",q", ",sampler_probability"),
        lambda text: text.replace("incorrect", "Incorrect"),
        lambda text: text.replace("incorrect", "FALSE"),
        lambda text: "".join([text[: text.index("\n") + 1], *reversed(text.splitlines(True)[1:])]),
    ],
    ids=["CRLF", "BOM", "blank lines", "empty rows", "64.0", "aliases", "case", "false", "order"],
)
def test_a_csv_may_be_written_in_many_ways(tmp_path, spell):
    path = tmp_path / "counts.csv"
    path.write_bytes(spell(COUNTS).encode())
    counts = read_counts(path)
    pd.testing.assert_frame_equal(counts, check_counts(frame()))
    assert counts["token"].tolist() == ["Add", " 3", ' "NA', "NA"]


@pytest.mark.parametrize("token", ["NA", "null", "None", "nan", "", " ", "\n", "64", '"', "a,b"])
def test_a_token_is_text_whatever_it_says(tmp_path, token):
    for ending in ("csv", "parquet"):
        path = tmp_path / f"counts.{ending}"
        counts = frame().assign(token=token)
        counts.to_csv(path, index=False) if ending == "csv" else counts.to_parquet(path)
        assert set(detect_counts(read_counts(path))["token"]) == {token}


def test_other_types_of_columns_hold_the_same_counts(tmp_path):
    plain = detect_counts(frame())
    typed = frame().astype(
        {"trace": "category", "verdict": "category", "rollouts": "Int64", "t": "float32",
         "token": "string", "q": object}
    )  # fmt: skip
    pd.testing.assert_frame_equal(detect_counts(typed), plain)
    pd.testing.assert_frame_equal(detect_counts(frame().astype(str)), plain)
    pd.testing.assert_frame_equal(detect_counts(frame().assign(verdict=False)), plain)
    frame().set_index(["trace", "t"]).to_parquet(tmp_path / "indexed.parquet")
    pd.testing.assert_frame_equal(detect_counts(read_counts(tmp_path / "indexed.parquet")), plain)


def with_row(number: int, *changes: tuple[str, str]) -> str:
    """The counts with changes in one row of the file; the header is row 1."""
    lines = COUNTS.splitlines()
    for old, new in changes:
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new)
    return "\n".join(lines) + "\n"


REFUSED = {
    "missing column": (
        with_row(1, ("successes", "Success")),
        r"no column successes; found the columns 'trace', 't', 'token', 'Success'.*"
        r"expected trace \(or trace_id\), t.*Is it 'Success'\? Rename it successes",
    ),
    "column twice": (with_row(1, ("token", "trace_id")), "found the columns trace and trace_id"),
    "too many successes": (
        with_row(3, (",24,", ",33,")), "row 3, column successes: found 33; expected at most the 32",
    ),
    "negative": (with_row(3, (",24,", ",-1,")), "row 3, column successes: found '-1'; expected a"),
    "fraction": (with_row(2, ("48", "62.5")), r"row 2, column successes: found '62\.5'"),
    "share": (with_row(2, ("48", ".75")), "row 2, .*a share is to be multiplied by the rollouts"),
    "no rollouts": (with_row(5, (",8,16", ",0,0")), "row 5, column rollouts: found '0'; .* from 1"),
    "NaN": (with_row(5, (",8,", ",NaN,")), "row 5, column successes: found 'NaN'"),
    "infinite": (with_row(5, (",16,", ",inf,")), "row 5, column rollouts: found 'inf'"),
    "too many": (with_row(5, (",16,", ",1e7,")), "row 5, column rollouts: found '1e7'; .*1,000"),
    "empty cell": (with_row(4, (",64,", ",,")), "row 4, column rollouts: found an empty cell"),
    "empty trace": (with_row(4, ("a,", " ,")), "row 4, column trace: found an empty cell"),
    "empty q": (with_row(4, ("0.5", "")), "row 4, column q: .*in every row, or no column q"),
    "empty verdict": (with_row(4, ("incorrect", "")), "row 4, column verdict: found an empty cell"),
    "text": (with_row(3, (",24,", ",many,")), "row 3, column successes: found 'many'; expected a"),
    "underscore": (with_row(3, (",24,", ",2_4,")), "row 3, column successes: found '2_4'"),
    "other verdict": (
        with_row(3, ("incorrect", "unparsed")),
        r"row 3, column verdict: found 'unparsed'; expected correct or incorrect \(or",
    ),
    "verdict in digits": (with_row(2, ("incorrect", "1")), "row 2, column verdict: found '1'"),
    "two verdicts": (
        with_row(4, ("incorrect", "correct")),
        "row 4, column verdict: found correct where row 2 has incorrect; expected one verdict",
    ),
    "prefix twice": (
        with_row(4, ("a,2", "a,1")), "row 4, column t: found prefix 1 of trace 'a' again, .* row 3",
    ),
    "gap": (
        with_row(5, ("a,3", "a,4")),
        "row 5, column t: found 4 where trace 'a' lacks prefix 3; .* never taken for zero",
    ),
    "t from 1": (
        re.sub(r"a,(\d)", lambda row: f"a,{int(row[1]) + 1}", COUNTS),
        r"row 2, column t: found 1 where trace 'a' lacks prefix 0; .*from 0 \(the bare prompt\)",
    ),
    "fractional t": (with_row(5, ("a,3", "a,2.5")), r"row 5, column t: found '2\.5'; expected a"),
    "q above 1": (with_row(3, ("0.95", "1.5")), r"row 3, column q: found '1\.5'; .* in \[0, 1\]"),
    "log q": (with_row(3, ("0.95", "-0.05")), "row 3, column q: .* take the exponential"),
    "rows below blank lines": (
        with_row(3, (",24,", ",33,")).replace("\n", "\n\n"), "row 5, column successes: found 33",
    ),
    "rows below a token of two lines": (
        with_row(5, ("NA", '"\n"')) + "a,4,x,x,9,false,1\n",
        r"row 6 \(line 7\), column successes: found 'x'",
    ),
    "semicolons": (COUNTS.replace(",", ";"), "row 1: found columns .* by semicolons; .*sep=';'"),
    "tabs": (COUNTS.replace(",", "\t"), "row 1: found columns separated by tabs"),
    "ragged": (with_row(3, (" 3", " 3,")), "row 3: found 8 cells; expected 7, as in the header"),
    "open quote": (with_row(3, (" 3", '"')), "row 3.*found quotes that do not match"),
    "two bare quotes": (
        with_row(2, ("Add", '"')).replace(",NA,", ',",').replace('" ""NA"', "x"),
        r"row 2: found a whole row in quotes; expected .* as four of them",
    ),
    "header only": (COUNTS.splitlines()[0] + "\n", "has no rows; expected one for each prefix"),
    "empty file": ("", "is empty; expected a header"),
    "blank file": ("\n \n", "is empty; expected a header"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_counts_is_refused_by_its_place(tmp_path, capsys, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counts.csv").write_text(text)
    with pytest.raises(CountsError, match=f"(?s)counts.csv: {said}"):
        read_counts("counts.csv")
    assert main(["detect", "counts.csv"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cliff-tokens detect: error: counts.csv: ")
    assert shown.err.count("\n") == 1


def test_files_that_are_no_counts_are_refused(tmp_path, capsys):
    (tmp_path / "counts.tsv").write_text(COUNTS)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "latin.csv").write_bytes(COUNTS.replace(" 3", "é").encode("latin-1"))
    (tmp_path / "text.parquet").write_text(COUNTS)
    frame().astype({"successes": "Int64"}).replace({"successes": {16: pd.NA}}).to_parquet(
        tmp_path / "null.parquet"
    )
    for name, said in (
        ("none.csv", "no such file"), ("counts.tsv", "'.tsv'; expected .csv or .parquet"),
        ("folder.csv", "cannot be read"), ("latin.csv", "not UTF-8"),
        ("text.parquet", "not a readable parquet file"),
        ("null.parquet", "row 3, column successes: found an empty cell"),
    ):  # fmt: skip
        assert main(["detect", str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            frame().replace({"token": {"NA": None}}),
            "index 3, column token: .*keep_default_na=False",
        ),
        (frame().set_index("trace"), r"trace is in the index: counts\.reset_index\(\)"),
        (frame().assign(successes=True), "index 0, column successes: found True"),
        (frame().assign(trace=1.5), r"index 0, column trace: found 1\.5; expected a name or"),
        (frame().assign(q=None), "index 0, column q: found an empty cell"),
        (
            frame().iloc[1:].set_axis(list("xyz")),
            "index x, column t: found 1 where trace 'a' lacks",
        ),
        ("counts.csv", "expected a DataFrame, found str; read_counts reads a file"),
    ],
    ids=["token lost by pandas", "index", "truth value", "trace", "no q", "gap", "a path"],
)
def test_a_frame_is_refused_by_its_index(counts, said):
    with pytest.raises(CountsError, match=said):
        detect_counts(counts)
