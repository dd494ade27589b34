"""Who may import whom: science below, workflow above, heavy libraries only inside functions."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "cliff_tokens"
LAYERS = [
    {"revisions", "tables", "catalogue", "progress", "__init__"},
    {"statistics", "sampling", "grading", "prompts", "taxonomy", "provenance", "formatting"},
    {"engines", "rollouts", "hub"},
    {
        "problems",
        "traces",
        "potential",
        "recursion",
        "cliffs",
        "resampling",
        "agreement",
        "cut_points",
        "rivals",
        "audit",
        "candidates",
        "pairs",
        "training",
        "contrast",
        "truth",
        "simulation",
        "cost",
        "summaries",
        "scorecard",
        "evaluation",
        "comparison",
        "testbed",
    },
    {"figures", "script", "__main__"},
]
LEVEL = {module: level for level, layer in enumerate(LAYERS) for module in layer}
MODULES = sorted(PACKAGE.rglob("*.py"))
STAGES = {
    "problems", "traces", "potential", "recursion", "cliffs", "resampling", "cut_points",
    "agreement",
}  # fmt: skip


def noun(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Nouns of this package that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cliff_tokens"):
            parts = node.module.split(".")[1:]
            found |= {parts[0]} if parts else {alias.name for alias in node.names}
    return {name for name in found if name in LEVEL}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = noun(path)
    assert own in LEVEL, f"{own} has no layer; give it one in this test"
    upward = {name for name in imports_of(path) if LEVEL[name] > LEVEL[own]}
    assert not upward, f"{path.name} imports from a higher layer: {sorted(upward)}"


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_stages_meet_in_tables_only(stage):
    others = imports_of(PACKAGE / f"{stage}.py") & (STAGES - {stage})
    assert not others, f"{stage} imports the stages {sorted(others)}"


def test_the_package_does_not_know_snakemake():
    knowing = [path for path in MODULES if "import snakemake" in path.read_text()]
    assert not knowing


def test_importing_every_stage_loads_no_heavy_library():
    names = ", ".join(sorted(STAGES | {"script", "summaries", "statistics"}))
    program = (
        f"import sys; from cliff_tokens import {names}; "
        "print([m for m in ('torch', 'transformers', 'vllm', 'trl', 'matplotlib', 'math_verify')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr
