"""The command line: what it prints, writes and refuses, and what it exits with."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from helpers.counts import COUNTS, counts_of, frame
from helpers.repository import ROOT

from cliff_tokens import provenance, tables
from cliff_tokens.__main__ import _EXAMPLES, main
from cliff_tokens.detection import detect_counts, measure_drops
from cliff_tokens.own_counts import read_counts

OPTIONAL = (
    "torch", "transformers", "snakemake", "matplotlib", "tqdm", "math_verify", "tabulate", "vllm",
    "trl", "peft", "datasets", "huggingface_hub", "safetensors", "yaml",
)  # fmt: skip


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


def test_show_prints_what_a_file_is_made_of(tmp_path, capsys):
    making = {"rule": "score", "wildcards": {}, "params": {"support": 20}, "inputs": {}}
    making |= {"package": "1", "libraries": {}}
    path = tmp_path / "tokens.parquet"
    tables.write(tables.empty("tokens"), path, "tokens", making)
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr() == (provenance.describe(path) + "\n", "")


def test_verify_counts_the_files_and_names_five_that_are_wrong(tmp_path, capsys):
    run, files = tmp_path / "results/r", {}
    for number in range(7):
        path = run / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"a\n{number}\n")
        digest = provenance.sha256(path)
        files[f"results/r/{number}.csv"] = {"sha256": digest, "rule": "make", "inputs": []}
    provenance.write_manifest(files, "r", run / "provenance/manifest.json")
    assert main(["verify", str(run)]) == 0
    assert capsys.readouterr() == (f"{run}: 7 of 7 files are as the manifest has them\n", "")
    (run / "0.csv").unlink()
    for number in range(1, 7):
        (run / f"{number}.csv").write_text("a\nother\n")
    assert main(["verify", str(run)]) == 1
    shown = capsys.readouterr()
    assert shown.out == f"{run}: 0 of 7 files are as the manifest has them\n"
    assert len(shown.err.splitlines()) == 5
    assert shown.err.startswith("results/r/0.csv: missing; made by make\n")


@pytest.mark.parametrize(("command", "said"), [("show", "no such file"), ("verify", "no manifest")])
def test_what_is_not_there_is_an_error_in_one_line(tmp_path, capsys, command, said):
    assert main([command, str(tmp_path / "none.csv")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1


def test_no_command_is_no_usage(capsys):
    with pytest.raises(SystemExit) as exit_:
        main([])
    assert exit_.value.code == 2
    assert "usage: cliff-tokens" in capsys.readouterr().err
