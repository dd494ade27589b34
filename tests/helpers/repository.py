"""The repository as a fresh checkout would be, and Snakemake run in one."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMOKE = ("--configfile", "config/smoke.yaml")
# Rules that come before any cliff is known.
SAMPLING = {"select_problems", "sample_traces", "score_tokens", "plan_independent", "plan_branches"}
IGNORED = [
    line.rstrip("/")
    for line in (ROOT / ".gitignore").read_text().splitlines()
    if not line.startswith("!")
]
LEFT_OUT = [".git", "tests", "results", *IGNORED]


def copy_to(folder: Path) -> Path:
    """The repository as a fresh checkout would be, without what runs and set-ups leave behind."""

    def left_out(parent: str, names: list[str]) -> set[str]:
        paths = {name: Path(parent).relative_to(ROOT) / name for name in names}
        return {name for name in names if any(map(paths[name].match, LEFT_OUT))}

    shutil.copytree(ROOT, folder, symlinks=True, ignore=left_out)
    return folder


def call(folder: Path, *arguments: str, **variables: str) -> dict:
    """How ``subprocess`` starts Snakemake in a checkout; ``variables`` are of its environment."""
    threads = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return {
        "args": [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        "cwd": folder,
        "env": {**os.environ, **threads, **variables},
    }


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Snakemake to its end, with all that it printed as ``stdout``; without its import."""
    started = call(folder, *arguments)
    with tempfile.NamedTemporaryFile() as printed:
        asked = {
            "folder": str(folder),
            "arguments": started["args"][3:],
            "environment": started["env"],
            "printed": printed.name,
        }
        server = _server()
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        text = Path(printed.name).read_text(encoding="utf-8")
    return subprocess.CompletedProcess(started["args"], status, text, "")


@cache
def _server() -> subprocess.Popen:
    """One for this process; it ends with its standard input."""
    program = str(Path(__file__).with_name("snakemake_server.py"))
    return subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    """Jobs per rule of a dry run."""
    done = snakemake(folder, "-n", *arguments)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    if "Nothing to be done" in printed:
        return {}
    stats = re.search(r"^job +count\n-+ +-+\n(.*?)^total ", printed, re.M | re.S)
    assert stats, printed
    rows = (line.split() for line in stats[1].strip().splitlines())
    return {rule: int(count) for rule, count in rows}


def merge(base: dict, changes: dict) -> dict:
    """As Snakemake merges configuration files: mappings key by key, all else replaced."""
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def load_rules() -> list:
    """The rules of the workflow as Snakemake reads them, without running anything."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        ResourceSettings,
        StorageSettings,
        WorkflowSettings,
    )

    with SnakemakeApi() as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(),
            storage_settings=StorageSettings(),
            workflow_settings=WorkflowSettings(),
            snakefile=ROOT / "Snakefile",
            workdir=ROOT,
        )
        return list(workflow._workflow.rules)
