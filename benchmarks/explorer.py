"""How long the explorer's page takes with thousands of traces, in a headless Chromium, from disk.

    make test-browser      # sets the environment up
    PYTHONPATH=src .venv-browser/bin/python benchmarks/explorer.py [folder] --traces 5000

Writes synthetic traces of two estimators through the explorer's own writer, opens the page, and
prints milliseconds to the first paint and to the list, to open a trace from disk, to filter, to
search all texts, and the frames of a scroll through the list; processor time of the page's own
thread for a trace, which other work on the machine hardly changes; sizes of files; and memory.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from cliff_tokens.explorer import pages, readings
from cliff_tokens.explorer.rounding import shorts

QUARTILES = (0, 25, 50, 75, 100)
WORDS = ["so", "the", "sum", "of", "parts", "is", "12", "and", "7", "makes", ",", "=", "61", "."]
OPEN = """async (names) => {
  const app = cliffTokens, took = [];
  for (const name of names) {
    await new Promise((done) => setTimeout(done, 300));  // a reader reads
    const begun = performance.now();
    app.go({ trace: name, t: null });
    const label = `Trace ${name}`;
    while (document.querySelector(".pane")?.getAttribute("aria-label") !== label) {
      await new Promise((done) => setTimeout(done));
    }
    document.body.offsetHeight;  // laid out
    took.push(performance.now() - begun);
  }
  return took;
}"""
SCROLL = """async () => {
  const rows = document.querySelector(".rows"), frames = [];
  let last = performance.now();
  for (let i = 0; i < 120; i += 1) {
    rows.scrollTop += 700;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""
FILTER = """() => {
  const select = document.querySelector("select[name=cliff]"), took = [];
  for (const value of ["any", "none", "sampled_off", ""]) {
    const begun = performance.now();
    select.value = value;
    select.dispatchEvent(new Event("change"));
    document.body.offsetHeight;
    took.push(performance.now() - begun);
  }
  return took;
}"""
SEARCH = """async () => {
  const begun = performance.now();
  await cliffTokens.search("61 = so", () => {});
  return performance.now() - begun;
}"""


def trace(rng: np.random.Generator, number: int, length: int) -> tuple[dict, str]:
    """A trace as ``pages.write`` takes it, with two readings, alternatives and two cliffs."""
    tokens = [f" {word}" for word in rng.choice(WORDS, length)]
    steps = np.where(rng.random(length) < 0.02, rng.normal(0, 0.3, length), 0)
    potential = np.clip(0.6 + np.cumsum(np.append(0, steps)), 0, 1)
    bound = np.where(rng.random(length) < 0.6, 0, rng.random(length))
    error = np.full(length, 0.05)
    made = {
        "id": f"model-{number % 2}/problems/p{number // 2:05d}/0",
        "model": f"model-{number % 2}",
        "dataset": "problems",
        "problem": number // 2,
        "question": f"What is the sum of {number} and 61?",
        "gold": ["61"],
        "answer": "61",
        "verdict": "correct" if rng.random() < 0.5 else "incorrect",
        "finish": "stop",
        "sampler": {"temperature": 1.0, "top_p": 0.95},
        "length": length,
        "tokens": tokens,
        "bound": shorts(bound),
        "entropy": shorts(rng.exponential(0.3, length), 3),
        "rank": rng.integers(1, 9, length).tolist(),
        "tail": shorts(rng.random(length) * 1e-3, 2),
        "support": 20,
        "others": {
            str(t + 1): [[" x", 0.21, None, 3, 8, 0.137, 0.694], [" yy", 0.13, None, 1, 4, 0, 0.7]]
            for t in np.flatnonzero(bound)
        },
    }
    made["readings"] = {}
    for name in ("independent", "recursive"):
        noisy = np.clip(potential + rng.normal(0, 0.04, length + 1), 0, 1)
        ends = readings.normal_ends(noisy, error, 0.95)
        reading = readings.curve(noisy, ends, np.full(length, 0.18), None)
        falls = sorted(rng.choice(np.arange(1, length + 1), 2, replace=False).tolist())
        reading["cliffs"] = [
            {"t": t, "kind": "sampled_off", "audit": str(rng.choice(["confirmed", "cannot be"]))}
            for t in falls
        ]
        made["readings"][name] = reading
    return made, made["question"] + "".join(tokens)


def measure(page, folder: Path, names: list[str]) -> dict[str, list[float]]:
    """Milliseconds of each thing that a reader waits for, every time that it is done."""
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")

    def busy() -> float:
        said = metrics.send("Performance.getMetrics")["metrics"]
        return next(1000 * one["value"] for one in said if one["name"] == "ThreadTime")

    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector(".row")
    listed = page.evaluate("performance.now()")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    before = busy()
    opened = page.evaluate(OPEN, names)
    spent = (busy() - before) / len(names)
    frames = page.evaluate(SCROLL)
    filtered = page.evaluate(FILTER)
    searched = page.evaluate(SEARCH)
    memory = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    return {
        "first paint": [paint],
        "list drawn, at most": [listed],
        "open a trace": opened,
        "open a trace, processor": [spent],
        "frame while scrolling": frames,
        "filter": filtered,
        "search all texts": [searched],
        "memory (MB)": [memory],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="to keep the explorer in, or that has one")
    parser.add_argument("--traces", type=int, default=5000)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--repetitions", type=int, default=3)
    chosen = parser.parse_args()
    folder = Path(chosen.folder or tempfile.mkdtemp()) / "explorer"
    rng = np.random.default_rng(0)
    begun = time.perf_counter()
    if not folder.is_dir():
        rows = (trace(rng, number, chosen.tokens) for number in range(chosen.traces))
        rule = {"margin": 0.1, "z": 1.645}
        pages.write(folder, {"title": "b", "of": "run", "rule": rule, "confidence": 0.95}, rows)
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    data = sorted(size for name, size in sizes.items() if name.startswith("traces-"))
    shell = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    print(f"{chosen.traces} traces of {chosen.tokens} tokens, {time.perf_counter() - begun:.0f} s")
    print(f"shell {shell / 1e3:.0f} kB, index {sizes['index.js'] / 1e6:.2f} MB")
    print(f"{len(data)} files of traces, the largest {data[-1] / 1e3:.0f} kB; ", end="")
    print(f"all {sum(sizes.values()) / 1e6:.0f} MB, {len(sizes)} files")
    names = [
        f"model-{n % 2}/problems/p{n // 2:05d}/0" for n in rng.choice(chosen.traces, 40, False)
    ]
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        taken = []
        for _ in range(chosen.repetitions):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            taken.append(measure(page, folder, names))
            page.close()
        print(f"Chromium {browser.version}, {len(taken)} times, ms unless said; ", end="")
        print(f"machine load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        browser.close()
    print(f"  {'':24} {'least':>8} {'quartile':>8} {'median':>8} {'quartile':>8} {'most':>8}")
    for name in taken[0]:
        values = np.percentile([value for one in taken for value in one[name]], QUARTILES)
        print(f"  {name:24}", *(f"{value:8.1f}" for value in values))
    if chosen.folder is None:
        shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main()
