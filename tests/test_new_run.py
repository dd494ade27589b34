"""A new run: what is written, what it says, and that nothing is written where anything is wrong."""

import json

import pytest
import yaml
from helpers.repository import ROOT

from cliff_tokens.__main__ import main

MODEL = str(ROOT / "resources/testbed/testbed-small")
ROWS = [{"question": f"What is {n} + 1?", "answer": n + 1} for n in range(30)]
FILES = ("config/models.yaml", "config/datasets.yaml", "config/config.yaml", "Snakefile")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with its catalogues, and thirty problems."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/schemas").symlink_to(ROOT / "workflow/schemas")
    write(tmp_path, ROWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, rows):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "my problems.jsonl").write_text(lines, encoding="utf-8")


def new(*options, model=MODEL, run="mine"):
    return main(["new", run, "--model", model, "--problems", "my problems.jsonl", *options])


def state(folder):
    paths = sorted(path for path in (folder / "config").iterdir())
    return {path.name: path.read_bytes() for path in paths}


def entry(folder, catalogue, name):
    return yaml.safe_load((folder / f"config/{catalogue}.yaml").read_text())[name]


def test_two_entries_and_a_plan_are_added_and_all_else_stays(folder, capsys):
    before = state(folder)
    assert new() == 0
    after = state(folder)
    for name in ("models.yaml", "datasets.yaml"):
        assert after[name].startswith(before[name].rstrip(b"\n"))
    model, asked = (
        entry(folder, "models", "testbed-small-2"),
        entry(folder, "datasets", "my-problems"),
    )
    assert (model["path"], model["context"]) == (MODEL, 512)
    assert (asked["file"], asked["max_tokens"]) == ("my problems.jsonl", 256)
    plan = yaml.safe_load(after["mine.yaml"])
    assert (plan["run"], plan["models"]) == ("mine", ["testbed-small-2"])
    assert plan["problems"] == {"limit": 20}
    said = capsys.readouterr().out
    assert "20 of 30 problems" in said
    assert "million tokens" in said
    assert "snakemake --cores 2 --configfile config/mine.yaml" in said


def test_entries_of_the_same_origin_serve_again(folder, capsys):
    assert new() == 0
    before = state(folder)
    assert new(run="again") == 0
    after = state(folder)
    assert after.pop("again.yaml")
    assert after == before
    assert "has my-problems already" in capsys.readouterr().out


def test_a_model_without_turns_is_asked_in_plain_text(folder, tmp_path):
    import shutil

    base = tmp_path / "base model"
    shutil.copytree(MODEL, base)
    (base / "chat_template.jinja").unlink()
    assert new(model=str(base)) == 0
    asked = entry(folder, "datasets", "my-problems")
    assert asked["answer_from"] == "last_number"
    assert asked["plain"]["until"] == "\n\n"
    assert entry(folder, "models", "base-model")["path"] == "base model"


def test_a_model_of_the_hub_is_resolved_first(folder, capsys):
    assert new(model="owner/Some_Model-1B") == 0
    model = entry(folder, "models", "some-model-1b")
    assert (model["hub"], model["revision"]) == ("owner/Some_Model-1B", None)
    assert "resolve_revisions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "nowhere/at/all"}, "--model: found 'nowhere/at/all'; expected a folder"),
        ({"run": "smoke case"}, "run: expected lower case letters, digits, dots and hyphens"),
        ({"run": "config"}, "config/config.yaml: is there already"),
        ({"options": ["--answer", "anwser"]}, "has no column 'anwser'; it has"),
        ({"options": ["--max-tokens", "0"]}, "max_tokens: expected a whole number >= 1, found 0"),
        ({"rows": [*ROWS, {"question": "Why?", "answer": "because 5 (or so) is"}]}, "line 31"),
        ({"rows": [ROWS[0], ROWS[0]]}, "line 2: asks the question of line 1"),
        ({"rows": [{"question": "1<|end|>1", "answer": 1}]}, "takes for markup"),
    ],
)  # fmt: skip
def test_nothing_is_written_where_anything_is_wrong(folder, capsys, change, said):
    if "rows" in change:
        write(folder, change["rows"])
    before = state(folder)
    options = {key: change[key] for key in ("model", "run") if key in change}
    assert new(*change.get("options", []), **options) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert state(folder) == before


def test_it_is_called_in_the_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert new() == 2
    assert "Snakefile: no such file" in capsys.readouterr().err
