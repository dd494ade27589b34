"""Options and fixtures of all tests."""

from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--fix", action="store_true", help="rewrite generated documents in place of comparing them"
    )


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def fix(pytestconfig) -> bool:
    """Whether generated documents are to be rewritten."""
    return pytestconfig.getoption("--fix")
