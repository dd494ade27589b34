"""Cliffs in counts of any origin: numbers by hand and by simulation, refusals row by row."""

import io
import json
import re
import subprocess
import sys
from math import comb

import numpy as np
import pandas as pd
import pytest
from helpers.repository import ROOT
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.__main__ import _EXAMPLES, main
from cliff_tokens.detection import detect_counts, measure_drops
from cliff_tokens.own_counts import CountsError, check_counts, read_counts
from cliff_tokens.stages.audit import chance, exact_p
from cliff_tokens.stages.cliff_test import CliffTest, flag_probability
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.statistics import unpooled_error

COUNTS = """trace,t,token,successes,rollouts,verdict,q
a,0,Add,48,64,incorrect,0.4
a,1, 3,24,32,incorrect,0.95
a,2," ""NA",16,64,incorrect,0.5
a,3,NA,8,16,incorrect,1
"""
OPTIONAL = (
    "torch", "transformers", "snakemake", "matplotlib", "tqdm", "math_verify", "tabulate", "vllm",
    "trl", "peft", "datasets", "huggingface_hub", "safetensors", "yaml",
)  # fmt: skip


def frame(text: str = COUNTS) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def counts_of(successes, rollouts, **columns) -> pd.DataFrame:
    """Counts of one trace."""
    counts = {"trace": "a", "t": range(len(successes)), "successes": successes}
    return pd.DataFrame({**counts, "rollouts": rollouts, **columns})


def test_a_drop_is_measured_between_shares_of_other_numbers_of_rollouts():
    drops = measure_drops(frame())
    # Prefixes 48/64, 24/32, 16/64, 8/16, then the verdict: the cliff at t blames token t.
    assert drops["t"].tolist() == [1, 2, 3, 4]
    assert drops["token"].tolist() == ["Add", " 3", ' "NA', "NA"]
    assert drops["before"].tolist() == [0.75, 0.75, 0.25, 0.5]
    assert drops["after"].tolist() == [0.75, 0.25, 0.5, 0]
    assert drops["drop"].tolist() == [0, 0.5, -0.25, 0.5]
    # .1 + 1.645 standard errors; the variance of 3/4 and of 1/4 is 3/16, that of 1/2 is 1/4.
    variances = [
        3 / 16 / 64 + 3 / 16 / 32,
        3 / 16 / 32 + 3 / 16 / 64,
        3 / 16 / 64 + 1 / 4 / 16,
        1 / 4 / 16,
    ]
    assert drops["threshold"].tolist() == pytest.approx(0.1 + 1.645 * np.sqrt(variances))
    assert drops["cliff"].tolist() == [False, True, False, True]
    # No drop exceeds 1 - q: .05 is at most the margin, and where q = 1 nothing can change.
    assert drops["bound"].tolist() == pytest.approx([0.6, 0.05, 0.5, 0])
    assert drops["possible"].tolist() == [True, False, True, False]


def test_cliffs_are_the_flagged_drops_and_nothing_else():
    cliffs = detect_counts(frame())
    assert cliffs["t"].tolist() == [2, 4]
    assert cliffs["trace"].tolist() == ["a", "a"]
    assert list(cliffs) == [
        "trace", "t", "token", "before", "after", "drop", "threshold", "drop_low", "drop_high",
        "p_exact", "bound", "possible",
    ]  # fmt: skip
    assert detect_counts(frame(), margin=0.3)["t"].tolist() == [2]
    assert detect_counts(frame(), z=4)["t"].tolist() == [2]
    assert detect_counts(frame(), margin=0.6).empty


def test_the_exact_p_is_fishers_at_two_numbers_of_rollouts():
    drops = measure_drops(frame())
    for row, table in ((1, [[24, 8], [16, 48]]), (3, [[8, 8], [0, 16]])):
        known = stats.fisher_exact(table, "greater").pvalue
        assert drops["p_exact"][row] == pytest.approx(known, rel=1e-9)


def test_the_interval_is_newcombes_and_the_verdict_has_no_width():
    drops = measure_drops(frame())
    # Wilson at 95 percent: 24/32 has [.5789, .8675], 16/64 has [.1602, .3683].
    assert drops["drop_low"][1] == pytest.approx(
        0.5 - np.hypot(0.75 - 0.5789, 0.3683 - 0.25), abs=2e-4
    )
    assert drops["drop_high"][1] == pytest.approx(
        0.5 + np.hypot(0.8675 - 0.75, 0.25 - 0.1602), abs=2e-4
    )
    # After the last token only the potential before it is uncertain: 8/16 has [.2800, .7200].
    assert [drops["drop_low"][3], drops["drop_high"][3]] == pytest.approx([0.28, 0.72], abs=1e-4)
    narrow = measure_drops(frame(), confidence=0.5)
    assert (
        (narrow["drop_high"] - narrow["drop_low"]) < drops["drop_high"] - drops["drop_low"]
    ).all()


def test_chance_is_the_probability_of_a_flag_given_both_counts_by_enumeration():
    # 3 successes among 4 + 2 rollouts: the first four hold 1, 2 or 3 of them.
    test = CliffTest(0.1, 1.0)
    expected = 0.0
    for first in (1, 2, 3):
        p, q = first / 4, (3 - first) / 2
        error = np.sqrt(p * (1 - p) / 4 + q * (1 - q) / 2)
        if p - q > 0.1 + error:
            expected += comb(4, first) * comb(2, 3 - first) / comb(6, 3)
    assert expected == pytest.approx(4 / 20)  # of three only: 3/4 against 0/2
    assert flag_probability(test, np.array([3]), 4, 2) == pytest.approx([expected])
    assert measure_drops(counts_of([3, 0], [4, 2]), z=1.0)["chance"].tolist() == [
        pytest.approx(0.2)
    ]


def test_chance_of_equal_rollouts_is_the_audits():
    counts = counts_of([40, 30, 31, 12], 64, verdict="correct")
    drops = measure_drops(counts)
    estimates = drops.rename(columns={"trace": "trace_id"})
    np.testing.assert_array_equal(drops["chance"], chance(estimates, 64, CliffTest()))
    assert drops["chance"].tolist()[-1] == 0  # the verdict is no draw


def test_equal_numbers_of_rollouts_keep_the_bits_of_the_published_error():
    before, after = np.arange(65)[:, None], np.arange(65)[None, :]
    apart = unpooled_error(before, after, np.full((65, 65), 64), np.full((65, 65), 64))
    np.testing.assert_array_equal(apart, unpooled_error(before, after, 64))
    mixed = unpooled_error(np.array([7, 7]), np.array([3, 3]), 11, np.array([11, 22]))
    assert mixed[0] == unpooled_error(7, 3, 11)
    assert mixed[1] == pytest.approx(np.sqrt(7 * 4 / 11**3 + 3 * 19 / 22**3))


def test_a_constant_potential_has_no_cliff_however_many_rollouts_there_are():
    counts = counts_of([32, 32, 16, 8], [64, 64, 32, 16])
    drops = measure_drops(counts)
    assert drops["drop"].tolist() == [0, 0, 0]
    assert not drops["cliff"].any()
    potential = counts.rename(columns={"trace": "trace_id"})
    traces = pd.DataFrame({"trace_id": ["a"], "token_ids": [range(4)], "verdict": "incorrect"})
    estimates = estimate_independent(potential, traces)
    assert estimates["before"].tolist() == [0.5] * 4
    assert estimates["after"].tolist() == [0.5, 0.5, 0.5, 0]
    np.testing.assert_allclose(
        exact_p(potential, estimates)[:3],
        [stats.fisher_exact([[32, 32], [c, c]], "greater").pvalue for c in (32, 16)]
        + [stats.fisher_exact([[16, 16], [8, 8]], "greater").pvalue],
    )


@pytest.mark.parametrize(("drop", "least", "most"), [(0.0, 0.0, 0.06), (0.1, 0.035, 0.065)])
def test_false_flags_are_as_rare_as_the_rule_promises(drop, least, most):
    rng = np.random.default_rng(20)
    pairs, levels = 40_000, np.array([16, 32, 64, 128])
    rollouts = rng.choice(levels, 2 * pairs)
    truth = np.repeat(rng.uniform(0.25, 0.75, pairs), 2)
    truth[1::2] -= drop
    counts = pd.DataFrame(
        {
            "trace": np.repeat(np.arange(pairs), 2), "t": np.tile([0, 1], pairs),
            "successes": rng.binomial(rollouts, truth), "rollouts": rollouts,
        }
    )  # fmt: skip
    drops = measure_drops(counts)
    assert len(drops) == pairs  # the last token has no verdict
    assert least <= drops["cliff"].mean() <= most
    sizes = pd.Series(rollouts[::2] < rollouts[1::2])
    if drop:  # whichever side has more rollouts
        assert drops.groupby(sizes)["cliff"].mean().between(0.02, 0.08).all()
    else:
        expected = drops["chance"].sum()
        assert abs(drops["cliff"].sum() - expected) < 4 * np.sqrt(expected)


def test_without_a_verdict_the_last_token_is_not_tested(tmp_path, capsys):
    counts = frame().drop(columns="verdict")
    assert measure_drops(counts)["t"].tolist() == [1, 2, 3]
    counts.to_csv(tmp_path / "counts.csv", index=False)
    assert main(["detect", str(tmp_path / "counts.csv")]) == 0
    shown = capsys.readouterr()
    assert "the last token of each trace is not tested" in shown.err
    assert "1 cliff among 3 tokens" in shown.out
    one = counts_of([3], [4])
    assert detect_counts(one).empty
    assert detect_counts(one.assign(verdict=False))["t"].tolist() == [1]


def test_traces_are_tested_apart_in_the_order_they_came_in():
    late = counts_of([0, 0], 8, verdict="correct")
    early = counts_of([8, 8], 8, verdict="correct").assign(trace="b")
    drops = measure_drops(pd.concat([early, late]).iloc[[3, 1, 2, 0]])
    assert drops["trace"].tolist() == ["a", "a", "b", "b"]
    assert drops["t"].tolist() == [1, 2, 1, 2]
    assert drops["after"].tolist() == [0, 1, 1, 1]


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
        with_row(4, ("a,2", "a,1")), "row 4, column t: found prefix 1 of trace a again, .* row 3",
    ),
    "gap": (
        with_row(5, ("a,3", "a,4")),
        "row 5, column t: found 4 where trace a lacks prefix 3; .* never taken for zero",
    ),
    "t from 1": (
        re.sub(r"a,(\d)", lambda row: f"a,{int(row[1]) + 1}", COUNTS),
        r"row 2, column t: found 1 where trace a lacks prefix 0; .*from 0 \(the bare prompt\)",
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
        (frame().iloc[1:].set_axis(list("xyz")), "index x, column t: found 1 where trace a lacks"),
        ("counts.csv", "expected a DataFrame, found str; read_counts reads a file"),
    ],
    ids=["token lost by pandas", "index", "truth value", "trace", "no q", "gap", "a path"],
)
def test_a_frame_is_refused_by_its_index(counts, said):
    with pytest.raises(CountsError, match=said):
        detect_counts(counts)


@pytest.mark.parametrize(
    "options",
    [
        ["--margin", "1"], ["--margin", "nan"], ["--z", "-1"], ["--confidence", "95"],
        ["--out", "cliffs.txt"], ["--out", "no/cliffs.csv"], ["--out", "counts.csv"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_options_without_a_meaning_are_refused(tmp_path, capsys, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counts.csv").write_text(COUNTS)
    assert main(["detect", "counts.csv", *options]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert "expected" in shown.err or "make it first" in shown.err
    assert (tmp_path / "counts.csv").read_text() == COUNTS


def test_usage_is_argparses(capsys):
    for arguments in (["detect"], ["detect", "counts.csv", "--margin", "much"]):
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert exit_.value.code == 2
        assert "usage: cliff-tokens detect" in capsys.readouterr().err


def run(program: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT / "src",
        capture_output=True,
        text=True,
    )


def test_the_command_needs_the_core_only(tmp_path):
    frame().assign(note="x").to_csv(tmp_path / "counts.csv", index=False)
    program = f"""
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OPTIONAL!r}:
            raise ImportError(f"{{name}} is not part of the core")
sys.meta_path.insert(0, Blocker())
from cliff_tokens.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    done = run(program, "detect", str(tmp_path / "counts.csv"), "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "columns not read: note\n"
    found = json.loads(done.stdout)
    assert {name: found[name] for name in ("margin", "z", "confidence", "traces")} == {
        "margin": 0.1, "z": 1.645, "confidence": 0.95, "traces": 1,
    }  # fmt: skip
    assert (found["tokens_tested"], found["impossible"]) == (4, 2)
    assert found["expected_by_chance"] == measure_drops(frame())["chance"].sum()
    assert found["cliffs"] == detect_counts(frame()).to_dict("records")


def test_cliffs_are_printed_as_a_table(tmp_path, capsys):
    (tmp_path / "counts.csv").write_text(COUNTS)
    assert main(["detect", str(tmp_path / "counts.csv")]) == 0
    head, first, second, empty, *said = capsys.readouterr().out.splitlines()
    assert re.split("  +", head) == [
        "trace", "t", "token", "before", "after", "drop", "threshold", "95% interval", "p",
        "1 - q", "possible",
    ]  # fmt: skip
    assert first.startswith("a      2  ' 3'    0.750  0.250  0.500      0.254  [0.292, 0.648]")
    assert first.endswith("0.050        no")
    assert second.startswith("a      4  'NA'")
    assert empty == ""
    assert said[0].startswith("2 cliffs among 4 tokens of 1 trace: drops of more than 0.1 by 1.645")
    assert "flags are to be expected by chance" in said[1]
    assert said[2].startswith("2 of the cliffs cannot be")


def test_no_cliff_is_no_failure(tmp_path, capsys):
    counts_of([5, 5], 9, verdict="correct").to_csv(tmp_path / "counts.csv", index=False)
    out = tmp_path / "cliffs.csv"
    assert main(["detect", str(tmp_path / "counts.csv"), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("0 cliffs among 2 tokens of 1 trace")
    assert len(pd.read_csv(out)) == 0


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_written_cliffs_are_read_back(tmp_path, ending):
    (tmp_path / "counts.csv").write_text(COUNTS)
    path = tmp_path / f"cliffs.{ending}"
    assert main(["detect", str(tmp_path / "counts.csv"), "--out", str(path)]) == 0
    if ending == "json":
        cliffs = pd.DataFrame(json.loads(path.read_text())["cliffs"])
    elif ending == "csv":
        cliffs = pd.read_csv(path, keep_default_na=False, float_precision="round_trip")
    else:
        cliffs = pd.read_parquet(path)
    pd.testing.assert_frame_equal(cliffs, detect_counts(frame()), check_exact=True)
    assert {file.name for file in tmp_path.iterdir()} == {"counts.csv", path.name}


def test_the_example_of_the_help_is_true(tmp_path):
    lines = [line.strip(" ") for line in _EXAMPLES.splitlines()]
    start = lines.index("trace,t,token,successes,rollouts,verdict")
    (tmp_path / "counts.csv").write_text("\n".join(lines[start : start + 4]) + "\n")
    cliffs = detect_counts(read_counts(tmp_path / "counts.csv"))
    assert cliffs[["t", "token"]].to_numpy().tolist() == [[2, " 3"], [3, " twice"]]


def test_the_document_shows_what_is_printed(capsys, monkeypatch):
    text = (ROOT / "docs" / "own_counts.md").read_text()
    monkeypatch.chdir(ROOT)
    assert main(["detect", "notebooks/counts.csv"]) == 0
    assert capsys.readouterr().out in text


@pytest.mark.parametrize("command", ["detect", "show"])
def test_a_reader_that_stops_early_is_no_error(tmp_path, command):
    paths = {"detect": ROOT / "notebooks" / "counts.csv", "show": tmp_path / "tokens.parquet"}
    making = {"rule": "r", "wildcards": {}, "params": {}, "inputs": {}, "package": "1"}
    making["libraries"] = {}
    tables.write(tables.empty("tokens"), paths["show"], "tokens", making)
    program = """
import os, sys
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
from cliff_tokens.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    done = run(program, command, str(paths[command]))
    assert (done.stderr, done.returncode) == ("", 141)
