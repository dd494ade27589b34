"""Explorers to open in a browser, for the tests that are marked so."""

import pytest
from helpers import browser


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Explorers of a run, of own counts, and of text that means harm, by name."""
    return browser.folders(tmp_path_factory.mktemp("explorers"))


@pytest.fixture
def open_page(chromium, folders):
    """A function that opens an explorer and gives its page; the console has to stay empty."""
    with browser.pages(chromium, folders) as opened:
        yield opened
