"""Options and fixtures of all tests."""

from pathlib import Path

import hypothesis
import pytest

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")


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
