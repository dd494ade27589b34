"""The explorer of a run and of own counts, by the command: what it writes, says and refuses."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.counts import COUNTS
from helpers.repository import ROOT
from helpers.run_folder import write, write_run

from cliff_tokens import sources, tables
from cliff_tokens.__main__ import main
from cliff_tokens.explorer import build


def index_of(folder):
    text = (Path(folder) / "data/index.js").read_text(encoding="ascii")
    return json.loads(re.fullmatch(r'cliffTokens\.receive\("index",(.*)\);\n', text)[1])


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_run()


def test_the_explorer_of_a_run(run, capsys):
    assert main(["explore", "results/r"]) == 0
    assert capsys.readouterr().out == "8 traces: open results/r/explorer/index.html in a browser\n"
    index = index_of("results/r/explorer")
    assert (index["title"], index["of"], index["confidence"]) == ("r", "run", 0.95)
    assert index["estimators"] == ["independent", "recursive"]
    assert index["rule"] == {"margin": 0.1, "z": 1.645}
    before = (Path("results/r/explorer/data/traces-0000.js")).read_bytes()
    assert main(["explore", "results/r", "--estimator", "recursive", "--out", "other"]) == 0
    assert index_of("other")["estimators"] == ["recursive", "independent"]
    assert Path("other/data/traces-0000.js").read_bytes() == before


def test_the_estimator_with_candidates_comes_first(run):
    found = []
    for one in sources.find_run("results/r"):
        first, second = one.readings
        drawn = {"candidates": first.followed.pop("candidates")}
        found.append(replace(one, readings=(first, replace(second, followed=drawn))))
    build.of_run(found, "explorer", "r", 0.95)
    assert index_of("explorer")["estimators"] == ["recursive", "independent"]


def test_traces_that_the_first_estimator_did_not_read_are_not_shown(run):
    for table in (
        "cliffs/independent",
        "resampling/independent",
        "candidates/independent",
        "audit",
    ):
        Path(f"results/r/{table}/small/chains.parquet").unlink()
    assert main(["explore", "results/r"]) == 0
    assert index_of("results/r/explorer")["models"] == ["large"]
    assert main(["explore", "results/r", "--estimator", "recursive"]) == 0
    assert index_of("results/r/explorer")["models"] == ["large", "small"]


def test_the_explorer_of_counts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(COUNTS)
    assert main(["explore", "mine.csv"]) == 0
    assert capsys.readouterr().out == "1 trace: open mine-explorer/index.html in a browser\n"
    index = index_of("mine-explorer")
    assert (index["title"], index["of"], index["estimators"]) == ("mine.csv", "counts", ["counts"])
    assert main(["explore", "mine.csv", "--margin", "0.3", "--z", "0", "--out", "o"]) == 0
    assert index_of("o")["rule"] == {"margin": 0.3, "z": 0}


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["results/none"], 2, "results/none: no such file"),
        (["results"], 1, "no cliffs there; expected the folder of a run"),
        (["results/r", "--margin", "0.2"], 1, "expected no --margin and no --z"),
        (["results/r", "--estimator", "adaptive"], 1, "expected one of independent, recursive"),
        (["results/r", "--confidence", "95"], 2, "expected a probability"),
        (["results/r", "--out", "results"], 1, "there is something else"),
        (["bad.csv", "--estimator", "recursive"], 2, "counts are read in one way"),
        (["bad.csv"], 2, "error: bad.csv: row 2, column successes: found 65"),
    ],
)
def test_a_mistake_is_a_sentence(run, capsys, arguments, status, sentence):
    Path("bad.csv").write_text("trace,t,successes,rollouts\na,0,65,64\n")
    assert main(["explore", *arguments]) == status
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert sentence in shown.err


def test_cliffs_of_two_rules_are_refused(run, capsys):
    path = "results/r/cliffs/independent/small/chains.parquet"
    inputs = list(tables.read_metadata(path)["inputs"])
    other = {"test": {"margin": 0.2, "z": 1.645}}
    write(path, tables.read(path, "cliffs"), "detect_cliffs", inputs, **other)
    for table in ("resampling/independent", "candidates/independent", "audit"):
        Path(f"results/r/{table}/small/chains.parquet").unlink()
    assert main(["explore", "results/r"]) == 1
    assert "found by 2 rules" in capsys.readouterr().err


def test_it_needs_the_core_only(run, tmp_path):
    optional = ("torch", "transformers", "snakemake", "matplotlib", "tqdm", "math_verify", "yaml")
    program = f"""
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {optional!r}:
            raise ImportError(f"{{name}} is not part of the core")
sys.meta_path.insert(0, Blocker())
from cliff_tokens.__main__ import main
from cliff_tokens.explorer import build
sys.exit(main(["explore", sys.argv[1]]))
"""
    folder = str(tmp_path / "results/r")
    done = subprocess.run(
        [sys.executable, "-c", program, folder], cwd=ROOT / "src", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
