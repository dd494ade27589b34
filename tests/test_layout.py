"""Every module has a test file of its name in the folder of its name, so that none is searched."""

import ast
import re
from pathlib import Path

import pytest
from helpers.repository import ROOT

PACKAGE, TESTS = ROOT / "src" / "cliff_tokens", ROOT / "tests"
FILES = sorted(TESTS.rglob("*.py"))
THIN = ("figure_", "table_", "example_")


def defines(path: Path) -> bool:
    """Whether a module holds more than a docstring and constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return path.name != "__init__.py" or any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in tree.body
    )


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if defines(path)]


def files_of(module: Path) -> list[Path]:
    """The test files of a module; a package is tested by its name, and ``__main__`` as main.

    What only shows in a run of the workflow is tested in tests/workflow.
    """
    name = module.parent.name if module.stem == "__init__" else module.stem.strip("_")
    folders = (TESTS / module.parent.relative_to(PACKAGE), TESTS / "workflow")
    files = [folder / f"test_{name}.py" for folder in folders]
    return [file for file in files if file.is_file()]


def imports_of(path: Path) -> set[str]:
    """Modules that a file imports, or imports from, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_has_a_test_file_of_its_name(module):
    shared = []
    if module.parent.name == "exhibits" and module.stem.startswith(THIN):
        # An exhibit may only bind what another module of its folder computes, which has one.
        prefix = "cliff_tokens.exhibits."
        names = {name.removeprefix(prefix) for name in imports_of(module) if prefix in name}
        names -= {"style", "cells"}  # how all of them look, and no number of any
        shared = [file for name in names for file in files_of(module.with_name(f"{name}.py"))]
    assert files_of(module) or shared, f"no test_{module.stem.strip('_')}.py in its folder"


def test_a_test_file_imports_no_other():
    borrowed = {
        str(path.relative_to(TESTS)): sorted(names)
        for path in FILES
        if (names := {n for n in imports_of(path) if re.search(r"(^|\.)(test_|conftest)", n)})
    }
    assert borrowed == {}


def test_what_tests_share_stands_in_helpers():
    others = [
        str(path.relative_to(TESTS))
        for path in FILES
        if not path.name.startswith("test_") and path.name != "conftest.py"
    ]
    assert [name for name in others if not name.startswith("helpers/")] == []


def test_documents_name_test_files_that_there_are():
    pages = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("config/*.md")]
    pages += [*ROOT.glob("docs/**/*.md"), *PACKAGE.rglob("*.py")]
    named = {
        name
        for page in pages
        for name in re.findall(r"\btests/[\w/]+\.\w+", page.read_text(encoding="utf-8"))
    }
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
