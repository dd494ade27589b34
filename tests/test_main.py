"""The command line: what it prints, writes and refuses, and what it exits with."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from helpers.counts import COUNTS, counts_of, frame
from helpers.repository import ROOT

from cliff_tokens import tables
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
