"""Articles to open in a browser."""

import pytest
from helpers import article_folder, browser


@pytest.fixture(scope="session")
def articles(tmp_path_factory, given):
    """Articles beside an explorer, without one, and of tokens that mean harm, by name."""
    harm = list(browser.HOSTILE.values())
    tokens = given["tokens"]
    hostile = tokens.assign(token=(harm * (len(tokens) // len(harm) + 1))[: len(tokens)])
    linked, kept = article_folder.write(tmp_path_factory.mktemp("run"), given)
    harmful, _ = article_folder.write(
        tmp_path_factory.mktemp("hostile"), given | {"tokens": hostile}
    )
    return {"linked": linked, "kept": kept, "hostile": harmful}


@pytest.fixture(scope="session")
def beside(tmp_path_factory):
    """Articles beside the explorer of their run, in its folder and in a report, by name."""
    return article_folder.write_with_explorer(tmp_path_factory.mktemp("beside"))


@pytest.fixture
def open_page(chromium, articles, beside):
    """A function that opens an article and gives its page; the console has to stay empty."""
    with browser.pages(chromium, articles | beside, ready="#card") as opened:
        yield opened
