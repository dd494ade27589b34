"""The README: its map has every module and no other, its links lead to files, its Python runs."""

import re

from helpers.repository import ROOT

from cliff_tokens.__main__ import main

PACKAGE = ROOT / "src/cliff_tokens"
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWS = ("figure_", "table_", "example_traces")  # modules named as their rules: docs/exhibits.md
SECOND = 52  # where the second column of the map begins


def mapped() -> list[str]:
    """The modules that the map names, as folder/module."""
    block = TEXT.split("<!-- modules -->\n```\n")[1].split("```")[0]
    folder, names = "", []
    for line in block.splitlines():
        if line.startswith(" "):
            cells = [line[:SECOND], line[SECOND:]]
            names += [f"{folder}{cell.split()[0]}" for cell in cells if cell.strip()]
        else:
            folder = line.split()[0].removeprefix(".")
    return names


def test_the_map_has_every_module_once_and_no_other():
    paths = [path for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]
    names = [str(path.relative_to(PACKAGE).with_suffix("")) for path in paths]
    expected = sorted(name for name in names if not name.split("/")[-1].startswith(SHOWS))
    assert sorted(mapped()) == expected, "README.md: the map of modules in Layout"


def test_links_lead_to_files():
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT)
    files = [target for target in targets if not target.startswith("https://")]
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_its_python_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    exec(block, {})
    assert "0.84375" in capsys.readouterr().out  # a drop of notebooks/counts.csv


def test_its_command_on_counts_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (arguments,) = re.findall(r"`cliff-tokens (detect [^`]*)`", TEXT)
    assert main(arguments.split()) == 0
    assert "3 cliffs" in capsys.readouterr().out
