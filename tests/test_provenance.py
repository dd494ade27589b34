"""Records of making: read back, checked against the files, and refused where they do not fit."""

import json
import os
from types import SimpleNamespace

import pandas as pd
import pytest

from cliff_tokens import provenance, tables
from cliff_tokens.__main__ import main
from cliff_tokens.provenance import ProvenanceError
from cliff_tokens.stages.rollouts import LEAVING


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of two jobs: weights -> table -> csv and svg. Returns its root."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"weights")
    table, csv = "results/r/potential/a.parquet", "results/r/figures/f.csv"
    svg = "results/r/figures/f.svg"
    counts = pd.DataFrame(
        {
            "trace_id": "m/d/p/0", "t": range(3), "successes": 3, "rollouts": 64,
            "unparsed": 0, "timeouts": 0, "truncated": 0, "generated_tokens": 900,
            **{name: [[]] * 3 for name in LEAVING},
        }
    )  # fmt: skip
    tables.write(counts, table, "potential", provenance.record(job("roll_out", ["weights.bin"])))
    (tmp_path / "results/r/figures").mkdir()
    (tmp_path / csv).write_text("t,share\n0,0.5\n")
    (tmp_path / svg).write_text("<svg/>")
    provenance.write_records(provenance.record(job("figure_f", [table])), [svg, csv])
    return tmp_path


def job(rule, inputs):
    return SimpleNamespace(rule=rule, wildcards={}, params={"margin": 0.1}, input=inputs)


def manifest(run):
    files = provenance.trace_back(["results/r/figures/f.svg"])
    provenance.write_manifest(files, "r", run / "results/r/provenance/manifest.json")
    return files


def test_a_figure_is_followed_back_to_what_no_rule_made(run):
    files = manifest(run)
    assert {path: entry["rule"] for path, entry in files.items()} == {
        "results/r/figures/f.csv": "figure_f",
        "results/r/figures/f.svg": "figure_f",
        "results/r/potential/a.parquet": "roll_out",
        "weights.bin": None,
    }
    assert files["results/r/potential/a.parquet"]["inputs"] == ["weights.bin"]
    assert provenance.rulegraph(files) == "flowchart LR\n  roll_out --> figure_f\n"


def test_every_file_of_a_job_knows_the_record_beside_its_csv(run):
    for name in ("f.csv", "f.svg"):
        assert provenance.read(f"results/r/figures/{name}")["rule"] == "figure_f"
    # Another file of the same name is none of the job's.
    (run / "results/r/figures/f.txt").write_text("mine")
    with pytest.raises(
        ProvenanceError, match=r"f\.txt: no record of its making; expected .*f\.json"
    ):
        provenance.read("results/r/figures/f.txt")


@pytest.mark.parametrize("name", ["problems.parquet", "problems.json", "problems.jsonl"])
def test_a_file_of_ones_own_is_an_input_like_any_other(run, name):
    # Beside it lies one that is named as a record would be.
    (run / "mine").mkdir()
    (run / "mine/problems.json").write_text("[1]")
    path = run / "mine" / name
    if path.suffix == ".parquet":
        pd.DataFrame({"question": ["1+1?"]}).to_parquet(path)
    else:
        path.write_text("[2]")
    table = "results/r/problems/a.parquet"
    made = provenance.record(job("select_problems", [f"mine/{name}"]))
    tables.write(tables.empty("problems"), table, "problems", made)
    files = provenance.trace_back([table])
    assert files[f"mine/{name}"]["rule"] is None
    assert files[table]["inputs"] == [f"mine/{name}"]


def test_equal_jobs_leave_equal_records(run):
    before = (run / "results/r/figures/f.json").read_bytes()
    making = provenance.record(job("figure_f", ["results/r/potential/a.parquet"]))
    provenance.write_records(making, ["results/r/figures/f.svg", "results/r/figures/f.csv"])
    assert (run / "results/r/figures/f.json").read_bytes() == before


def test_a_folder_has_its_record_beside_it(run):
    folder = run / "results/r/adapters/seed-0.5"
    folder.mkdir(parents=True)
    (folder / "adapter.bin").write_bytes(b"1")
    provenance.write_records(
        provenance.record(job("train", ["weights.bin"])), ["results/r/adapters/seed-0.5"]
    )
    assert (run / "results/r/adapters/seed-0.5.json").is_file()
    assert provenance.read("results/r/adapters/seed-0.5/adapter.bin")["rule"] == "train"
    assert provenance.read("results/r/adapters/seed-0.5")["rule"] == "train"


def test_the_manifest_is_refused_where_an_input_is_no_longer_what_was_read(run):
    (run / "weights.bin").write_bytes(b"other weights")
    with pytest.raises(
        ProvenanceError, match=r"weights\.bin: changed since roll_out made .*a\.parq"
    ):
        manifest(run)
    (run / "weights.bin").unlink()
    with pytest.raises(ProvenanceError, match=r"weights\.bin: missing since roll_out made"):
        manifest(run)


def test_a_job_does_not_mix_two_states_of_a_file(run):
    together = job("roll_out", ["weights.bin", "results/r/potential/a.parquet"])
    assert len(provenance.record(together)["inputs"]) == 2
    (run / "weights.bin").write_bytes(b"other weights")
    with pytest.raises(
        ProvenanceError, match=r"weights\.bin: has changed since roll_out made .*a\.parquet"
    ):
        provenance.record(together)


def test_a_figure_without_a_record_has_no_place_in_a_manifest(run):
    (run / "results/r/figures/f.json").unlink()
    with pytest.raises(ProvenanceError, match="no record of its making"):
        manifest(run)


def test_a_run_is_verified_and_the_first_mismatches_are_named(run, capsys):
    manifest(run)
    assert main(["verify", "results/r"]) == 0
    assert "4 of 4 files are as the manifest has them" in capsys.readouterr().out
    (run / "results/r/figures/f.csv").write_text("t,share\n0,0.6\n")
    (run / "weights.bin").unlink()
    assert main(["verify", "results/r"]) == 1
    shown = capsys.readouterr()
    assert "results/r/figures/f.csv: changed; made by figure_f" in shown.err
    assert "weights.bin: missing; made by no rule of this run" in shown.err
    assert "2 of 4 files" in shown.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "not a manifest"),
        ("{}", "not a manifest.*'files'"),
        ('{"files": {"a": 1}}', "not a manifest"),
        ('{"files": {}}', "names no file"),
    ],
)
def test_a_manifest_that_says_nothing_vouches_for_nothing(run, text, said):
    manifest(run)
    (run / "results/r/provenance/manifest.json").write_text(text)
    with pytest.raises(ProvenanceError, match=said):
        provenance.verify(run / "results/r")


def test_a_run_without_a_manifest_says_how_to_make_one(run, capsys):
    assert main(["verify", "results/r"]) == 1
    assert "no manifest; expected the folder of a run" in capsys.readouterr().err


def test_show_prints_content_making_and_what_still_matches(run, capsys):
    assert main(["show", "results/r/potential/a.parquet"]) == 0
    text = capsys.readouterr().out
    assert "table     potential" in text
    assert "rows      3" in text
    assert "rollouts whose answer was graded correct" in text
    assert "margin: 0.1" in text
    assert "matches   weights.bin" in text
    (run / "weights.bin").write_bytes(b"other weights")
    main(["show", "results/r/potential/a.parquet"])
    assert "changed   weights.bin" in capsys.readouterr().out
    main(["show", "results/r/figures/f.csv"])
    assert "columns   t, share" in capsys.readouterr().out


def test_show_finds_the_inputs_from_any_folder(run, capsys, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert main(["show", str(run / "results/r/figures/f.svg")]) == 0
    assert "matches   results/r/potential/a.parquet" in capsys.readouterr().out


def test_show_of_a_foreign_or_missing_file_is_an_error_in_words(run, capsys):
    assert main(["show", "weights.bin"]) == 1
    assert "no record of its making" in capsys.readouterr().err
    assert main(["show", "results/r/none.csv"]) == 1
    assert "no such file" in capsys.readouterr().err


def test_the_environment_lists_packages_with_versions():
    lines = provenance.environment().splitlines()
    assert any(line.startswith("pyarrow==") for line in lines)
    assert lines == sorted(lines, key=str.lower)


def test_a_manifest_holds_no_clock(run):
    manifest(run)
    text = (run / "results/r/provenance/manifest.json").read_text()
    assert set(json.loads(text)) == {"run", "files"}


def test_a_preferred_package_comes_first_and_once(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/other", "/mine"]))
    provenance.prefer("/mine")
    assert os.environ["PYTHONPATH"] == os.pathsep.join(["/mine", "/other"])
    monkeypatch.delenv("PYTHONPATH")
    provenance.prefer("/mine")
    assert os.environ["PYTHONPATH"] == "/mine"


def test_a_csv_is_described_with_its_caption_and_the_meaning_and_unit_of_its_columns(run):
    path = "results/r/tables/table_accuracy.csv"
    (run / "results/r/tables").mkdir()
    (run / path).write_text("model,accuracy,accuracy_low,accuracy_high\nm,0.5,0.4,0.6\n")
    made = SimpleNamespace(
        rule="table_accuracy", wildcards={}, params={"caption": "What it shows.", "z": 2}, input=[]
    )
    provenance.write_records(provenance.record(made), [path])
    lines = provenance.describe(path).splitlines()
    assert "  accuracy       share  correct of n" in lines
    assert any(line.startswith("  accuracy_low   share  accuracy: lower end") for line in lines)
    assert lines[lines.index("caption") + 1] == "  What it shows."
    assert "  z: 2" in lines
    assert not any("What it shows" in line for line in lines if "caption:" in line)
    # What is no figure's and no table's has its columns by name.
    assert "columns   t, share" in provenance.describe("results/r/figures/f.csv")
