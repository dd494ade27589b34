"""The repository as a fresh checkout would be, and Snakemake run in one."""

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMOKE = ("--configfile", "config/smoke.yaml")
LEFT_OUT = {
    ".git",
    ".venv",
    ".venv-vllm",
    ".snakemake",
    "results",
    "logs",
    "timings",
    "tests",
    "build",
}


def copy_to(folder: Path) -> Path:
    """The repository as a fresh checkout would be, without what runs leave behind."""
    shutil.copytree(
        ROOT,
        folder,
        symlinks=True,
        ignore=lambda parent, names: LEFT_OUT & set(names) if Path(parent) == ROOT else set(),
    )
    return folder


def snakemake(folder: Path, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
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
