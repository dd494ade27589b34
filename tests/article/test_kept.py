"""The article that is kept in the repository: of the default run, small, and of today's sources."""

import json

import pytest
from helpers.repository import ROOT

from cliff_tokens.provenance import sha256

AGAIN = "finish the default run (make run), then: snakemake --cores 1 keep_article"


@pytest.fixture(scope="module")
def record():
    return json.loads((ROOT / "docs/article.json").read_text(encoding="utf-8"))


def test_it_is_of_the_default_run_and_below_three_megabytes(record):
    assert record["rule"] == "keep_article"
    assert record["params"]["config"]["run"] == "testbed"
    assert (ROOT / "docs/article/index.html").stat().st_size < 3_000_000


def test_it_is_what_its_rule_wrote(record):
    written = {name: sha256(ROOT / name) for name in record["outputs"]}
    assert written == record["outputs"], f"docs/article was changed; {AGAIN}"


def test_it_was_made_of_the_sources_that_are_here(record):
    sources = {name: of for name, of in record["inputs"].items() if not name.startswith("results/")}
    assert {"config/config.yaml", "src/cliff_tokens/article/static/article.html"} <= set(sources)
    stale = [
        name
        for name, digest in sources.items()
        if not (ROOT / name).is_file() or sha256(ROOT / name) != digest
    ]
    assert stale == [], f"docs/article is older than these; {AGAIN}"
