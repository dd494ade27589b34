"""What shows: one module a figure or table, named as its rule.

``values`` makes the frame that is published as csv from tables of the run; a figure's ``draw``
shows that frame. Both are bound by name: a parameter that is an input of the rule is that table,
any other is a param of the rule. Neither reads or writes files.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from cliff_tokens import captions, legends, tables
from cliff_tokens.formatting import write_summary
from cliff_tokens.provenance import sha256

# Decide when a rule runs again, and stand beside what it shows.
_OF_EVERY_RULE = {"revision", "caption"}


def present(rule: str, inputs: Mapping, params: Mapping, output: Mapping) -> None:
    """Compute the exhibit that is named as its rule, and write what the rule's outputs name.

    Args:
        rule: name of the rule and of the module in this folder.
        inputs: paths of each named input; the files of one input become one frame.
        params: the rule's params; a mapping becomes the dataclass that a parameter is annotated
            with.
        output: a path for each of csv, md, svg and pdf that the exhibit has.
    """
    exhibit = import_module(f"{__name__}.{rule}")
    check(exhibit, set(inputs), set(params))
    given = {name: read_frame(paths, name) for name, paths in inputs.items()} | dict(params)
    values = _call(exhibit.values, given)
    legend = legends.of_exhibit(rule, values.columns)  # of a figure's csv, too, there has to be one
    if "md" in output:
        caption = captions.to_markdown(params["caption"])
        write_summary(values, output["csv"], output["md"], caption, legend)
    if "svg" in output:
        values.to_csv(output["csv"], index=False)
        from cliff_tokens.exhibits import style

        drawn = _call(exhibit.draw, given | {"values": values})
        style.save(drawn, output["svg"])
        style.save(drawn, output["pdf"])


def check(exhibit, inputs: set[str], params: set[str]) -> None:
    """Refuse a rule whose inputs and params are not exactly the parameters of its exhibit."""
    wanted = parameters(exhibit)
    given = inputs | (params - _OF_EVERY_RULE)
    if wanted != given:
        raise TypeError(
            f"{exhibit.__name__}: its rule lacks {sorted(wanted - given)} and gives "
            f"{sorted(given - wanted)}, which neither values nor draw takes"
        )


def parameters(exhibit) -> set[str]:
    """Names of the tables and settings that an exhibit is made from."""
    names = set(inspect.signature(exhibit.values).parameters)
    if hasattr(exhibit, "draw"):
        names |= set(inspect.signature(exhibit.draw).parameters) - {"values"}
    return names


def read_frame(paths, name: str) -> pd.DataFrame:
    """The files of one input: a table of the run, or folders of adapters as what trained them.

    An input without files is the empty table of its name.
    """
    paths = [paths] if isinstance(paths, str) else list(paths)
    if not paths and name in tables.TABLES:
        return tables.read_all([], name)
    if paths and Path(paths[0]).is_dir():
        return read_adapters(paths)
    return tables.read_labeled(paths)


def read_adapters(adapters: Sequence[str]) -> pd.DataFrame:
    """What each adapter was trained with: model, variant, seed, pairs, loss_positions, steps.

    ``weights`` is the hash of what was learned: equal for one training under two names.
    """
    rows = []
    for folder in map(Path, adapters):
        made = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        counts = {name: made[name] for name in ("pairs", "loss_positions", "steps")}
        weights = sha256(folder / "adapter_model.safetensors")
        rows.append(made["made_by"]["wildcards"] | counts | {"weights": weights})
    return pd.DataFrame(rows)


def _call(function: Callable, given: Mapping):
    """Call a function with what it takes by name, settings as the dataclasses it asks for."""
    taken = {}
    for name, parameter in inspect.signature(function).parameters.items():
        value, kind = given[name], parameter.annotation
        made = is_dataclass(kind) and isinstance(value, Mapping)
        taken[name] = kind(**value) if made else value
    return function(**taken)
