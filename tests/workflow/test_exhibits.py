"""Every rule of a figure or table against its module, its caption and its entry in the index."""

from importlib import import_module

import pytest
from helpers.repository import ROOT, load_rules

from cliff_tokens import exhibits

RULES = {rule.name: rule for rule in load_rules() if str(rule.script).endswith("/exhibit.py")}
EXHIBITS = sorted(RULES.keys() - {"exhibit"})


@pytest.mark.parametrize("name", EXHIBITS)
def test_inputs_and_params_of_a_rule_are_the_parameters_of_its_module(name):
    rule = RULES[name]
    exhibits.check(
        import_module(f"cliff_tokens.exhibits.{name}"),
        set(rule.input.keys()),
        set(rule.params.keys()),
    )


@pytest.mark.parametrize("name", EXHIBITS)
def test_an_exhibit_has_a_log_a_caption_and_the_outputs_of_its_kind(name):
    rule = RULES[name]
    figure = hasattr(import_module(f"cliff_tokens.exhibits.{name}"), "draw")
    assert set(rule.output.keys()) == ({"svg", "pdf", "csv"} if figure else {"csv", "md"})
    assert (ROOT / f"workflow/report/{name}.rst").is_file()
    for path in (*rule.log, rule.benchmark):
        assert f"/{name}." in str(path)


def test_a_rule_that_gives_too_little_or_too_much_is_refused_by_name():
    module = import_module("cliff_tokens.exhibits.table_accuracy")
    given = exhibits.parameters(module)
    with pytest.raises(TypeError, match=r"table_accuracy: its rule lacks \['traces'\]"):
        exhibits.check(module, given - {"traces"}, set())
    with pytest.raises(TypeError, match=r"gives \['tokens'\], which neither"):
        exhibits.check(module, given | {"tokens"}, {"revision"})


def test_modules_that_are_named_as_exhibits_have_a_rule():
    folder = ROOT / "src/cliff_tokens/exhibits"
    named = {
        path.stem for path in folder.glob("*_*.py") if path.stem.startswith(("figure_", "table_"))
    }
    assert named <= set(EXHIBITS)
