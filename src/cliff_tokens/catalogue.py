"""Catalogues and their JSON schemas: read, check, pick entries by name, describe every key.

A catalogue is a YAML file that maps names to entries. Errors say which file and key is meant, what
was expected and what was found.
"""

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import jsonschema
import yaml

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_Strict = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            ),
        }
    ),
)


class CatalogueError(ValueError):
    """A catalogue that cannot be read or breaks its schema, or a name it does not have."""


def load(path: str | Path, schema_path: str | Path) -> dict:
    """The entries of a catalogue, checked against its schema; every fault is named at once."""
    data = read(path)
    check(data, schema_path, path)
    return data


def check(data: dict, schema_path: str | Path, name: str | Path) -> None:
    """Refuse what breaks a schema; every fault is named at once, by ``name`` and key.

    A whole number is not written 1000.0 and no number is infinite or missing: both would pass as
    numbers and fail, or say nothing, where they are used.
    """
    validator = _Strict(read(schema_path))
    errors = sorted(validator.iter_errors(data), key=lambda error: list(map(str, error.path)))
    if errors:
        faults = dict.fromkeys(f"{name}: {_fault(error)}" for error in errors)
        raise CatalogueError("\n".join(faults))


def check_run(config: dict, files: Iterable[str | Path], schema_path: str | Path) -> None:
    """Refuse a run's configuration, which run files were merged into, one after the other."""
    files = list(dict.fromkeys(map(str, files)))
    for file in files:
        read(file)
    name = " with ".join(files) or "configuration"
    check(config, schema_path, name)
    asked = [entry["name"] for entry in config["evaluation"]["datasets"]]
    if twice := [one for one in asked if asked.count(one) > 1]:
        raise CatalogueError(
            f"{name}: evaluation.datasets: {twice[0]} stands there twice; expected it once"
        )


def read(path: str | Path) -> dict:
    """A YAML mapping; a key that occurs twice is an error, where YAML would keep the last."""
    try:
        data = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise CatalogueError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise CatalogueError(f"{path}: expected a mapping of names to entries, found {data!r}")
    return data


def pick(catalogue: dict, names: Iterable[str], path: str | Path, key: str) -> dict:
    """The entries called ``names``, in that order; ``key`` is the configuration's for them."""
    for name in names:
        if name not in catalogue:
            near = difflib.get_close_matches(name, catalogue, n=len(catalogue), cutoff=0.6)
            offer = near + [other for other in catalogue if other not in near]
            raise CatalogueError(f"{key}: {name!r} is not in {path}. It offers: {', '.join(offer)}")
    return {name: catalogue[name] for name in names}


def pick_all(catalogue: dict, wanted: Mapping[str, Iterable[str]], path: str | Path) -> dict:
    """The entries that several keys of the configuration name, each once."""
    return {
        name: entry
        for key, names in wanted.items()
        for name, entry in pick(catalogue, names, path, key).items()
    }


def placed(index: dict, target: str, path: str | Path) -> tuple[int, dict]:
    """Place, from 1, and entry of the exhibit that a target makes."""
    for place, entry in enumerate(index.values(), 1):
        if entry["target"] == target:
            return place, entry
    raise CatalogueError(f"{target}: not in {path}; expected an entry with this target")


def origin(entry: dict) -> str:
    """Where the problems of a data set come from: a generator, an id on the Hub or a file."""
    return entry.get("file") or entry.get("hub") or entry["generator"]


def refuse_overlap(datasets: dict, training: str, evaluated: Iterable[str], key: str) -> None:
    """Refuse to measure a model on what it was trained on: data sets of one origin.

    Of a generator and of the Hub, another split is another origin, and so is another configuration
    there, if both are named. A file is one, whatever is taken of it and however its path is
    written.
    """
    for name in evaluated:
        if _overlap(datasets[name], datasets[training]):
            raise CatalogueError(
                f"evaluation: {name} is of the same origin and split as {key} ({training}); "
                "a model cannot be measured on what it was trained on"
            )


def apart(datasets: dict, training: str, names: Iterable[str]) -> list[str]:
    """Those of the data sets that are of another origin than what is trained on."""
    return [name for name in names if not _overlap(datasets[name], datasets[training])]


def _overlap(one: dict, other: dict) -> bool:
    if "file" in one and "file" in other:
        return Path(one["file"]).resolve() == Path(other["file"]).resolve()
    for kind in ("generator", "hub"):
        if kind in one and kind in other:
            configs = {entry.get("config") for entry in (one, other)} - {None}
            same = one[kind].lower() == other[kind].lower() and one["split"] == other["split"]
            return same and len(configs) < 2
    return False


def refuse_context(models: dict, path: str | Path) -> None:
    """Refuse a ``context`` beyond the positions of a model whose folder is at hand."""
    for name, entry in models.items():
        file = Path(entry.get("path", ""), "config.json")
        most = positions(file)
        if most is not None and entry["context"] > most:
            raise CatalogueError(
                f"{path}: {name}.context: expected at most the {most} positions of {file}, "
                f"found {entry['context']}"
            )


def positions(file: str | Path) -> int | None:
    """How many positions the config.json of a model names; None where it names none.

    What cannot be read names none: it is missed, or refused, where the model is opened.
    """
    try:
        said = json.loads(Path(file).read_text(encoding="utf-8"))
        said = said | (said.get("text_config") or {})
        named = said.get("max_position_embeddings", said.get("n_positions"))
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return named if isinstance(named, int) else None


def questions(entry: dict, samples: int) -> dict:
    """How a data set is asked, as ``stages.questions.Questions`` takes it."""
    return {
        "system": entry["system"],
        "max_tokens": entry["max_tokens"],
        "samples": samples,
        "shots": entry.get("shots", []),
        "plain": entry.get("plain"),
    }


def opens(entry: dict) -> dict:
    """How the model of a catalogue entry is opened, as ``script.open_policy`` takes it.

    Keys: engine, model (a folder or a name on the Hub), revision, chat (arguments of its template)
    and, where there are any, the engine's options.
    """
    how = {
        "engine": entry["engine"],
        "model": entry.get("path") or entry["hub"],
        "revision": entry.get("revision"),
        "chat": entry["chat"],
    }
    if entry["engine"] == "vllm":
        given = {key: entry[key] for key in ("gpus", "gpu_memory") if key in entry}
        how["options"] = {"context": entry["context"], **given}
    elif "dtype" in entry:
        how["options"] = {"dtype": entry["dtype"]}
    return how


def checkpoint(folder: str | Path) -> list[str]:
    """The files that are read of a model's folder: all but hidden ones and its description.

    Of its subfolders one is read, that of further chat templates. What a folder has to hold and
    does not, shards that its index names among it, is listed all the same and so missed by name.
    """
    folder = Path(folder)
    found = [*folder.glob("[!.]*"), *folder.glob("additional_chat_templates/[!.]*")]
    names = {
        path.relative_to(folder).as_posix()
        for path in found
        if path.is_file() and path.suffix != ".md"
    }
    if "model.safetensors.index.json" in names:
        names |= _shards(folder / "model.safetensors.index.json")
    elif not any(name.endswith(".safetensors") for name in names):
        names.add("model.safetensors")
    return [f"{folder}/{name}" for name in sorted(names | {"config.json"})]


def resolve(entries: dict, locked: dict) -> dict:
    """The entries of a catalogue with the commits that were recorded for them.

    A null revision becomes the one that ``locked`` (OWNER/NAME -> what was recorded) has for the
    repository, if it has one; an entry that names its revision keeps it.
    """
    return {
        name: entry | {"revision": locked[entry["hub"]]["revision"]}
        if "hub" in entry and entry["revision"] is None and entry["hub"] in locked
        else entry
        for name, entry in entries.items()
    }


def place(entries: dict, folder: str) -> dict:
    """The entries of a catalogue of models, those that are converted with the ``path`` they get.

    It is NAME below ``folder``.
    """
    return {
        name: entry | {"path": f"{folder}/{name}"} if "gguf" in entry else entry
        for name, entry in entries.items()
    }


def describe(schema: dict) -> str:
    """A Markdown table of all keys of a schema: dotted key, permitted values, meaning."""
    lines = ["| key | values | meaning |", "|---|---|---|"]
    for key, part in keys(schema):
        values = "" if part.get("properties") else _values(part).replace("|", "\\|")
        lines.append(f"| `{key}` | {values} | {part.get('description', '')} |")
    return "\n".join(lines) + "\n"


def keys(schema: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Every key that a schema knows, dotted, with its part of the schema."""
    for name, part in schema.get("properties", {}).items():
        yield prefix + name, part
        yield from keys(part, f"{prefix}{name}.")
    if isinstance(entry := schema.get("additionalProperties"), dict):
        yield from keys(entry, f"{prefix}NAME.")


def _shards(index: Path) -> set[str]:
    """The files that an index of weights names; none if it cannot be read, which opening tells."""
    try:
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


def _fault(error: jsonschema.ValidationError) -> str:
    place = "".join(f"{part}." for part in error.absolute_path).rstrip(".")
    place = f"{place}: " if place else ""
    found, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = [repr(key) for key in found if key not in known]
        near = difflib.get_close_matches(unknown[0].strip("'"), known, n=1)
        offer = f"is it {near[0]}? " if near else ""
        return f"{place}unknown key {', '.join(unknown)}; {offer}expected one of {', '.join(known)}"
    if error.validator == "required":
        return f"{place}missing key {', '.join(repr(key) for key in rule if key not in found)}"
    if error.validator == "dependentRequired":
        needs = [f"{key!r} needs {', '.join(others)}" for key, others in rule.items()
                 if key in found and not found.keys() >= set(others)]  # fmt: skip
        return f"{place}{'; '.join(needs)} beside it"
    if error.validator == "oneOf":
        choices = [choice["required"][0] for choice in rule]
        present = " and ".join(key for key in choices if key in found) or "none of them"
        return f"{place}expected exactly one of {', '.join(choices)}, found {present}"
    return f"{place}expected {_values(error.schema)}, found {found!r}"


def _values(schema: dict) -> str:
    """What a part of a schema permits, in words; its title where it has one."""
    if "title" in schema:
        return schema["title"]
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    words = " or ".join(_TYPES[name] for name in types if name != "null")
    limits = [f"{sign} {schema[name]}" for name, sign in _LIMITS.items() if name in schema]
    words += f" {' and '.join(limits)}" if limits else ""
    if "items" in schema:
        words += f" of at least {schema['minItems']}" if "minItems" in schema else ""
        words += ", no two equal" if schema.get("uniqueItems") else ""
        words += f", each {_values(schema['items'])}"
    words += " (not empty)" if schema.get("minLength") else ""
    return words + (", or null" if "null" in types else "")


# The parser in C, where PyYAML was built with it: every job reads the catalogues.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """SafeLoader that refuses a repeated key."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
