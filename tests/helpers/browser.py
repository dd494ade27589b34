"""Chromium for tests, and explorers that they open from disk."""

import contextlib
import os
import shutil
from pathlib import Path

import pandas as pd

from cliff_tokens import sources
from cliff_tokens.explorer import build
from helpers import run_folder

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
HOSTILE = {
    "markup": "<img src=x onerror=\"document.title='harm'\"><script>document.title='harm'</script>",
    "end": "</script><script>document.title='harm'</script><!--",
    "bidi": "a\u202egnp.exe\u2066",
    "zero": "in\u200bvis\u00adible\ufeff",
    "control": "bell\x07 nul\x00 del\x7f",
    "lines": "one\u2028two\u2029three",
    "long": "w" * 4000,
    "entity": "&lt;b&gt; &amp; \\u003cb\\u003e",
}


@contextlib.contextmanager
def started():
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def folders(place: Path) -> dict[str, Path]:
    """Explorers below a folder: of a run, of own counts, and of a run of hostile text."""
    before = Path.cwd()
    os.chdir(place)
    try:
        run_folder.write_run(length=60, problems=8)
        build.of_run(sources.find_run("results/r"), "run", "r", 0.95)
        counts = pd.DataFrame({"trace": "mine", "t": range(60), "successes": [60] * 40 + [9] * 20})
        counts = counts.assign(rollouts=64, token=[f" word{t}" for t in range(60)])
        counts.assign(verdict="incorrect", q=0.5).to_csv("counts.csv", index=False)
        counts[["trace", "t", "successes", "rollouts"]].to_csv("bare.csv", index=False)
        for name in ("counts", "bare"):
            build.of_counts(f"{name}.csv", name, 0.1, 1.645, 0.95)
        shutil.rmtree("results")
        run_folder.write_run(_harm, models=("small",))
        build.of_run(sources.find_run("results/r"), "hostile", "</title><b>r", 0.95)
    finally:
        os.chdir(before)
    return {name: place / name for name in ("run", "counts", "bare", "hostile")}


def _harm(frames: dict[str, pd.DataFrame]) -> None:
    texts = list(HOSTILE.values())
    frames["problems"]["question"] = "\n".join(texts)
    frames["problems"]["answer"] = HOSTILE["markup"] + "\n" + HOSTILE["bidi"]
    frames["traces"]["answer"] = HOSTILE["end"]
    count = len(frames["tokens"])
    frames["tokens"]["token"] = (texts * (count // len(texts) + 1))[:count]


@contextlib.contextmanager
def pages(chromium, folders: dict[str, Path], ready=".row"):
    """A function that opens pages; afterwards they are closed, and none may have said anything.

    ``ready`` selects what has to be there before a page can be used.
    """
    said, contexts = [], []

    def open_page(name="run", address="", width=1440, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(request.url))
        page.goto(f"{(folders[name] / 'index.html').as_uri()}{address}")
        page.wait_for_selector(ready)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
