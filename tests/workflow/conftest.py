"""Checkouts that tests of the workflow run in."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from helpers.repository import SMOKE, copy_to, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A finished smoke run, to be read only. Made once, for all workers of a session."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = shared / "smoke", shared / "smoke.made"
    with open(shared / "smoke.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = snakemake(copy_to(folder), *SMOKE)
            assert done.returncode == 0, done.stdout + done.stderr
            made.touch()
    return folder


@pytest.fixture
def copied(finished, tmp_path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "repository", symlinks=True))


@pytest.fixture
def fresh(tmp_path):
    """A copy of the repository without results."""
    return copy_to(tmp_path / "repository")
