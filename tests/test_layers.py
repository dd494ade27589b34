"""Who may import whom: policies, stages, exhibits, in this order; heavy libraries not at once."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.repository import ROOT

PACKAGE = ROOT / "src" / "cliff_tokens"
MODULES = sorted(PACKAGE.rglob("*.py"))
# A module imports from its own layer and from those before it. Modules of no folder are the first,
# but for the edges of the program, which are the last; of these the explorer is made, too.
LAYERS = ["", "policies", "stages", "testbed", "exhibits", "scorecard", "article", "edges"]
LAYERS += ["explorer", "__main__"]
EDGES = {"script", "detection", "new_run", "run_reader", "sources"}
# What stages share. The others meet in tables only, but for evaluation, which takes fresh traces of
# a policy through all of them.
SHARED = {
    "arms", "cliff_test", "comparison", "controls", "drops", "estimators", "extraction",
    "generators", "grading", "normalization", "quantities", "questions", "rollouts", "taxonomy",
}  # fmt: skip
STAGES = {path.stem for path in (PACKAGE / "stages").glob("*.py")} - SHARED - {"__init__"}
# Parts of one stage.
TOGETHER = [
    {"training", "dpo", "token_weights", "shifts"},
    {"simulation", "independent"},
    {"passes", "simulated_draws", "simulation", "recursion"},
]


def layer(parts: tuple[str, ...]) -> int:
    """The layer of a module, from its path below the package."""
    name = parts[0].removesuffix(".py")
    if name in EDGES:
        return LAYERS.index("edges")
    return LAYERS.index(name) if name in LAYERS else 0


def imports_of(path: Path) -> set[tuple[str, ...]]:
    """Modules of this package that a module imports, anywhere in it, as paths."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cliff_tokens"):
            parts = tuple(node.module.split(".")[1:])
            for alias in node.names:
                inside = PACKAGE.joinpath(*parts, f"{alias.name}.py")
                found.add((*parts, alias.name) if inside.is_file() else parts)
    return {parts for parts in found if parts}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    level = layer(path.relative_to(PACKAGE).parts)
    upward = {".".join(parts) for parts in imports_of(path) if layer(parts) > level}
    assert not upward, f"{path.name} imports from a higher layer: {sorted(upward)}"


@pytest.mark.parametrize("stage", sorted(STAGES - {"evaluation"}))
def test_stages_meet_in_tables_only(stage):
    found = imports_of(PACKAGE / "stages" / f"{stage}.py")
    others = {parts[1] for parts in found if parts[0] == "stages" and len(parts) > 1}
    allowed = SHARED.union(*(parts for parts in TOGETHER if stage in parts))
    assert others <= allowed, f"{stage} imports the stages {sorted(others - allowed)}"


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "exhibits").glob("*_*.py")), ids=lambda p: p.stem
)
def test_exhibits_open_no_model(path):
    assert "policies" not in {parts[0] for parts in imports_of(path)}


def test_the_package_does_not_know_snakemake():
    knowing = [path for path in MODULES if "import snakemake" in path.read_text()]
    assert not knowing


def test_no_room_is_too_large_to_be_read():
    long = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_importing_every_stage_loads_no_heavy_library():
    names = ", ".join(sorted((STAGES | SHARED) - {"dpo"}))
    program = (
        f"import sys; from cliff_tokens.stages import {names}; "
        "from cliff_tokens import base, script, scorecard, statistics; "
        "from cliff_tokens.exhibits import cells; "
        "print([m for m in ('torch', 'transformers', 'vllm', 'trl', 'matplotlib', 'math_verify')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("folder", ["src", "workflow"])
def test_text_has_an_encoding_whatever_the_locale(folder):
    without = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            text = calls and node.func.attr in ("read_text", "write_text")
            if text and "encoding" not in {keyword.arg for keyword in node.keywords}:
                without.append(f"{path.name}:{node.lineno}")
    assert without == []
