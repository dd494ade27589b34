"""An article of a synthetic run: figures and tables as their rules leave them."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import yaml

from cliff_tokens import captions, catalogue, paper_index, provenance
from cliff_tokens.article import build
from cliff_tokens.exhibits import style
from cliff_tokens.explorer.build import of_run
from cliff_tokens.sources import find_run
from helpers import exhibits, run_folder
from helpers.repository import ROOT

NAMES = ("example_traces", "figure_02_share_with_cliff", "figure_audit", "table_accuracy",
         "table_cliffs", "table_taxonomy")  # fmt: skip
IN_REPORT = "0123456789abcdef"  # where a report of Snakemake would have the explorer
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")) | {"run": "r"}
# Words that a scorecard has, one that it may have one day, and what they are of.
CARD = pd.DataFrame(
    [
        ("figure_02_share_with_cliff", "share, incorrect less correct", None, 0.5, 0.2, 0.8, 12,
         "agrees", "the interval lies above 0"),
        ("figure_02_share_with_cliff", "the same, pooled", None, 0.1, -0.2, 0.4, 24,
         "undecided", ""),
        ("table_taxonomy", "deterministic cliffs", None, 1.0, 0.2, 1.0, 3, "by construction",
         "<script>document.title='harm'</script>"),
        ("table_taxonomy", "cliffs/n", 0.3, None, None, None, 0, "not measurable in this run",
         "other models"),
        ("number_44_of_46", "first/n", 0.956522, 0.9, 0.8, 0.95, 40, "not excluded", ""),
    ],
    columns=["item", "quantity", "published", "ours", "low", "high", "n", "word", "note"],
).assign(
    p_holm=[0.02, 0.4, None, None, None], revision="first", became="unknown"
)  # fmt: skip


def index() -> dict[str, dict]:
    """The paper index of the repository."""
    entries = catalogue.read(ROOT / "config/paper_index.yaml")
    return paper_index.complete(entries, paper_index.read_published(ROOT / "config/published.csv"))


def write_exhibits(given: dict) -> list[str]:
    """Write results/r below the working directory: csv files of the figures and tables."""
    paths = []
    for name in NAMES:
        drawn = not name.startswith("table_")
        folder = Path("results/r", "figures" if drawn else "tables")
        folder.mkdir(parents=True, exist_ok=True)
        frame, figure = (
            exhibits.show(name, given) if drawn else (exhibits.values(name, given), None)
        )
        path = folder / f"{name}.csv"
        frame.to_csv(path, index=False)
        written = [path]
        if drawn:
            written.append(path.with_suffix(".svg"))
            style.save(figure, written[-1])
        _record(name, written)
        paths.append(str(path))
    return paths


def write_card(card: pd.DataFrame = CARD) -> str:
    """Write the scorecard; its path."""
    path = Path("results/r/tables/scorecard.csv")
    card.to_csv(path, index=False)
    _record("scorecard", [path])
    return str(path)


def write(place: Path, given: dict) -> tuple[Path, Path]:
    """Write articles of a run below a folder, with links into an explorer and without; the folders
    of their pages.
    """
    before = Path.cwd()
    os.chdir(place)
    try:
        shown, card = write_exhibits(given), write_card()
        overview = ROOT / "workflow/report/workflow.rst"
        linked, kept = "results/r/article", "kept"
        for folder, in_report in ((linked, f"../{IN_REPORT}/index.html"), (kept, None)):
            build.write(folder, shown, card, index(), CONFIG, overview, in_report)
    finally:
        os.chdir(before)
    return place / linked, place / kept


def write_with_explorer(place: Path) -> dict[str, Path]:
    """Write article and explorer of one run below a folder; the article's folder, as a run leaves
    both ("run") and as a report of Snakemake holds them ("report").
    """
    before = Path.cwd()
    os.chdir(place)
    try:
        given = exhibits.given(run_folder.write_run(length=60, problems=8))
        of_run(find_run("results/r"), "results/r/explorer", "r", 0.95)
    finally:
        os.chdir(before)
    (article, _), raw = write(place, given), place / "report/data/raw"
    shutil.copytree(article, raw / "fedcba9876543210")
    shutil.copytree(article.parent / "explorer", raw / IN_REPORT)
    return {"run": article, "report": raw / "fedcba9876543210"}


def _record(name: str, written: list[Path]) -> None:
    caption = captions.fill(ROOT / f"workflow/report/{name}.rst", CONFIG)
    job = SimpleNamespace(rule=name, wildcards={}, params={"caption": caption}, input=[])
    provenance.write_records(provenance.record(job), written)
