"""What a file records of its making, and how a number is followed back through such records.

A parquet table carries its record in its metadata. What has no room for one (csv, svg, pdf,
Markdown, folders) has it in a json file of the same name beside it, which also holds the hashes of
the files written together. Only what decides the content is recorded, so that equal runs give
equal bytes; when, where and how long a job ran stands in its log and its timing.
"""

import hashlib
import json
import os
import textwrap
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from cliff_tokens import __version__, legends, tables

_LIBRARIES = ("torch", "transformers", "vllm", "numpy", "math-verify")
_MANIFEST = "provenance/manifest.json"


class ProvenanceError(ValueError):
    """A file without a record of its making, or one that is not what its record says."""


def prefer(package: str) -> None:
    """Let processes that are started from here import the package of this folder before others."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([package, *filter(None, known)]))


def record(job) -> dict:
    """Rule, wildcards, params, inputs by hash, and library versions of a Snakemake job.

    A table among the inputs that was made from another state of one of them is an error.
    """
    inputs = _hashes(job.input)
    for path in inputs:
        if path.endswith(".parquet") and _of_a_run(path):
            _refuse_mixture(path, inputs)
    return {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "params": dict(job.params.items()),
        "inputs": inputs,
        "package": __version__,
        "libraries": _versions(),
    }


def write_records(making: dict, outputs: Iterable[str | Path]) -> None:
    """Write the record of a job beside each csv and each folder among its outputs."""
    outputs = [Path(path) for path in outputs]
    for path in outputs:
        if path.suffix == ".csv" or path.is_dir():
            text = json.dumps({**making, "outputs": _hashes(outputs)}, sort_keys=True, indent=1)
            write_whole(_beside(path), text + "\n")


def read(path: str | Path) -> dict:
    """The record of a file's making; an error where there is none."""
    path = Path(path)
    if not path.exists():
        raise ProvenanceError(f"{path}: no such file")
    if path.suffix == ".parquet":
        return tables.read_metadata(path)
    root, own = root_of(path), path.absolute()
    for place in (own, *own.parents):
        if place == root or not place.name:
            break
        if making := _record_beside(place):
            written = [(root / name).absolute() for name in making.get("outputs", {})]
            if any(own == file or own in file.parents for file in written):
                return making
    raise ProvenanceError(
        f"{path}: no record of its making; expected {_beside(path)} beside it, as every rule that "
        "writes tables or figures leaves it. Run the rule again"
    )


def describe(path: str | Path) -> str:
    """A file's content and making in words; every input says whether it still is what was read."""
    path, making = Path(path), read(path)
    root = root_of(path)
    lines = [f"{path}"]
    if path.suffix == ".parquet":
        schema = pq.read_schema(path)
        lines += [f"table     {making['table']}", f"rows      {pq.read_metadata(path).num_rows}"]
        width = max(len(name) for name in schema.names)
        for field in schema:
            meaning = (field.metadata or {}).get(b"meaning", b"").decode()
            lines.append(f"  {field.name:{width}}  {field.type!s:8}  {meaning}")
    elif path.suffix == ".csv":
        values = pd.read_csv(path)
        lines += [f"rows      {len(values)}", *_columns(making["rule"], values)]
    lines.append(f"rule      {making['rule']}")
    params = dict(making["params"])
    if caption := params.pop("caption", ""):
        lines += ["caption", textwrap.indent(caption, "  ")]
    told = {"wildcards": making["wildcards"], "params": params, "libraries": making["libraries"]}
    for name, named in told.items():
        lines += [f"{name}"] if named else []
        lines += [f"  {key}: {json.dumps(value)}" for key, value in sorted(named.items())]
    lines += [f"package   {making['package']}"]
    for name in ("inputs", "outputs"):
        lines += [name] if making.get(name) else []
        for file, digest in making.get(name, {}).items():
            lines.append(f"  {digest[:12]}  {_state(root / file, digest):8}  {file}")
    return "\n".join(lines)


def _columns(rule: str, values: pd.DataFrame) -> list[str]:
    """A line for each column of a csv, with unit and meaning where it is of an exhibit."""
    try:
        legend = legends.of_exhibit(rule, values.columns)
    except legends.LegendError:  # a csv that is no figure's and no table's
        return [f"columns   {', '.join(values.columns)}"]
    width, unit = (max(map(len, texts)) for texts in (values.columns, [c.unit for c in legend]))
    return [f"  {name:{width}}  {of:{unit}}  {meaning}" for name, of, meaning in legend]


def trace_back(paths: Iterable[str | Path]) -> dict[str, dict]:
    """Every file that the paths were made from, themselves included.

    Maps a path to its sha256, the rule that made it (None for what no rule of a run made: weights,
    catalogues) and the paths of its inputs. A file that is no longer what its reader read, or what
    its maker wrote, is an error: nothing made from it could be traced.
    """
    files: dict[str, dict] = {}
    waiting = [str(path) for path in paths]
    while waiting:
        path = waiting.pop()
        if path in files:
            continue
        try:
            making = read(path)
        except (ProvenanceError, tables.TableError):
            if _of_a_run(path) or not Path(path).is_file():
                raise
            making = {"rule": None, "inputs": {}}
        claims = check(path, making)
        if Path(path).is_file():
            files[path] = {
                "sha256": sha256(path),
                "rule": making["rule"],
                "inputs": sorted(making["inputs"]),
            }
        waiting += list(claims)
    return dict(sorted(files.items()))


def check(path: str | Path, making: dict, root: Path = Path()) -> dict[str, str]:
    """What a file was made from and with, by hash; an error where that has changed since.

    ``making`` is the file's record, whose paths are relative to ``root``.
    """
    claims = {**making["inputs"], **making.get("outputs", {})}
    for file, digest in claims.items():
        state = _state(root / file, digest)
        if state != "matches":
            raise ProvenanceError(
                f"{file}: {state} since {making['rule']} made {path}; run it again "
                "(snakemake --forcerun), or bring the file back"
            )
    return claims


def write_manifest(files: dict[str, dict], run: str, path: str | Path) -> None:
    """The manifest of a run: what ``trace_back`` found, as json."""
    write_whole(
        Path(path), json.dumps({"run": run, "files": files}, sort_keys=True, indent=1) + "\n"
    )


def verify(run: str | Path) -> tuple[int, list[str]]:
    """Check every file of a run's manifest: how many there are, and what is wrong with which."""
    path = Path(run) / _MANIFEST
    if not path.is_file():
        raise ProvenanceError(
            f"{path}: no manifest; expected the folder of a run, such as results/testbed, after "
            "`snakemake provenance`"
        )
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        digests = {name: entry["sha256"] for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProvenanceError(
            f"{path}: not a manifest as `snakemake provenance` writes it: {error}; make it again"
        ) from error
    if not digests:
        raise ProvenanceError(f"{path}: names no file; make it again by `snakemake provenance`")
    root = root_of(path)
    states = {name: _state(root / name, digest) for name, digest in digests.items()}
    wrong = [
        f"{name}: {state}; made by {files[name].get('rule') or 'no rule of this run'}"
        for name, state in states.items()
        if state != "matches"
    ]
    return len(files), wrong


def rulegraph(files: dict[str, dict]) -> str:
    """Which rule read what which rule wrote, by the records of the files: a Mermaid flowchart."""
    edges = {
        (files[path]["rule"], entry["rule"])
        for entry in files.values()
        for path in entry["inputs"]
        if files[path]["rule"] and entry["rule"]
    }
    return "\n".join(["flowchart LR", *(f"  {a} --> {b}" for a, b in sorted(edges))]) + "\n"


def environment() -> str:
    """Every installed package with its version, in the form of a requirements file."""
    packages = {f"{dist.metadata['Name']}=={dist.version}\n" for dist in distributions()}
    return "".join(sorted(packages, key=str.lower))


def root_of(path: str | Path) -> Path:
    """The folder that recorded paths are relative to: the one that holds results/."""
    for parent in Path(path).absolute().parents:
        if parent.name == "results":
            return parent.parent
    return Path.cwd()


def sha256(path: str | Path) -> str:
    """Hex digest of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name if path.is_dir() else path.stem}.json")


def _record_beside(path: Path) -> dict:
    """The record beside a file or folder; empty where none is, or a file of somebody's own."""
    try:
        found = json.loads(_beside(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "rule" in found else {}


def _of_a_run(path: str) -> bool:
    """Whether a rule of a run made a file, by its path; other inputs are somebody's own."""
    return path.startswith("results/")


def _state(path: Path, digest: str) -> str:
    if not path.is_file():
        return "missing"
    return "matches" if sha256(path) == digest else "changed"


def _hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    return {str(file): sha256(file) for path in paths for file in _files(Path(path))}


def _refuse_mixture(path: str, inputs: dict[str, str]) -> None:
    """Refuse a table that was made from a file that has changed since and is read beside it.

    Within a run Snakemake makes such a table again; that of a base run, say, it does not.
    """
    making = tables.read_metadata(path)
    for file, digest in making["inputs"].items():
        if inputs.get(file, digest) != digest:
            raise ProvenanceError(
                f"{file}: has changed since {making['rule']} made {path} from it; bring the file "
                "back, or make that table again"
            )


def _files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder such as a checkpoint."""
    if not path.is_dir():
        return [path]
    # Hidden files are Snakemake's own, which it writes when the job is over.
    return sorted(
        file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")
    )


def write_whole(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _versions() -> dict[str, str]:
    versions = {}
    for library in _LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return versions
