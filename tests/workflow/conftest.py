"""Checkouts that tests of the workflow run in."""

import pytest
from helpers.repository import SMOKE, copy_to, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished smoke run, to be read only."""
    folder = copy_to(tmp_path_factory.mktemp("smoke") / "repository")
    done = snakemake(folder, *SMOKE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def fresh(tmp_path):
    """A copy of the repository without results."""
    return copy_to(tmp_path / "repository")
