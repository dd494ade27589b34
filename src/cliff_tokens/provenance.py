"""What a table records of its making.

Only what decides the content is recorded in the file, so that equal runs give equal bytes; when
and where a job ran stands in its log and benchmark.
"""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cliff_tokens import __version__

_LIBRARIES = ("torch", "transformers", "vllm", "numpy", "math-verify")
_MEASURED = "cost.json"  # of a trained adapter: decides nothing and differs between equal runs


def record(job) -> dict:
    """Rule, wildcards, params, inputs by hash, and library versions of a Snakemake job."""
    return {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "params": dict(job.params.items()),
        "inputs": {str(file): sha256(file) for path in job.input for file in _files(Path(path))},
        "package": __version__,
        "libraries": _versions(),
    }


def sha256(path: str | Path) -> str:
    """Hex digest of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder such as a checkpoint."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name != _MEASURED)


def _versions() -> dict[str, str]:
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
