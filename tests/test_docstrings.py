"""What docstrings have to say, and how many parameters a function may have."""

import ast

import pytest
from helpers.repository import ROOT

PACKAGE = ROOT / "src" / "cliff_tokens"
MODULES = sorted(PACKAGE.rglob("*.py"))
MANY = 5  # parameters from which on each is documented
MOST = 9
# Of an exhibit, called by name with what its rule names (exhibits.present).
BOUND_BY_NAME = {"values", "draw"}


def definitions(path):
    """Every function of a module with its class, or None."""
    tree = ast.parse(path.read_text())
    owner = {
        inner: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        for inner in node.body
    }  # fmt: skip
    return [(node, owner.get(node)) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def parameters(function):
    """Names of a function's parameters, but for self and cls."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [one.arg for one in named if one.arg not in ("self", "cls")]


def is_public(function, owner):
    """Whether a function is for others: named without underscore, or how a class is made."""
    if owner is not None and owner.name.startswith("_"):
        return False
    return function.name == "__init__" or not function.name.startswith("_")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_docstring_needs_another_to_be_understood(path):
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, documented)]
    assert ast.get_docstring(tree), "expected a docstring of the module"
    leaning = [
        getattr(node, "name", path.stem)
        for node in nodes
        if (ast.get_docstring(node) or "").startswith("The same")
    ]
    assert not leaning, f"begin with 'The same': {leaning}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_many_parameters_are_documented_one_by_one(path):
    for function, owner in definitions(path):
        names = parameters(function)
        if len(names) < MANY or not is_public(function, owner):
            continue
        text = ast.get_docstring(function) or ""
        if function.name == "__init__":
            text += ast.get_docstring(owner) or ""
        if "says what its arguments are" in text or "the arguments are those of" in text:
            continue
        missing = [name for name in names if f"{name}: " not in text.partition("Args:")[2]]
        assert not missing, f"{function.name} does not say what these are: {missing}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_function_has_too_many_parameters(path):
    long = {
        function.name: len(parameters(function))
        for function, _ in definitions(path)
        if not ("exhibits" in path.parts and function.name in BOUND_BY_NAME)
        and len(parameters(function)) > MOST
    }
    assert not long, f"more than {MOST} parameters: {long}"
