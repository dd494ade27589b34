"""Write the page: what the rule calls."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from cliff_tokens import captions, provenance
from cliff_tokens.article import content
from cliff_tokens.article.drawing import palette
from cliff_tokens.exhibits.style import EXPLORER
from cliff_tokens.scorecard import summarize


def write(
    folder: str | Path,
    exhibits: Sequence[str],
    scorecard: str,
    index: Mapping[str, dict],
    config: Mapping,
    overview: str | Path,
    in_report: str | None,
) -> None:
    """Write ``index.html`` into a folder, which is made if need be.

    Args:
        folder: to write into.
        exhibits: csv files of the figures and tables of the run.
        scorecard: its csv file.
        index: the paper index, with published numbers.
        config: of the run.
        overview: workflow/report/workflow.rst, which holds the methods.
        in_report: address of the explorer from the page where both are in a report of Snakemake,
            which gives every result a folder of its own; None where no explorer stands beside it.
    """
    card, linked = pd.read_csv(scorecard), in_report is not None
    frames = {Path(path).stem: pd.read_csv(path) for path in exhibits}
    shown = content.make_exhibits(exhibits, index, card, linked)
    names = [exhibit.name for exhibit in shown]
    drawings = [exhibit.drawing for exhibit in shown if exhibit.drawing]
    record = provenance.read(scorecard)
    static = files("cliff_tokens.article") / "static"
    style = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (
            files("cliff_tokens.explorer") / "static" / "colors.css",
            static / "article.css",
        )
    )
    style += _variables(palette(set().union(*(drawing.colors for drawing in drawings))))
    script = (static / "article.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"slug": content.slug, "grouped": lambda number: f"{number:,}"}
    page = environment.from_string((static / "article.html").read_text(encoding="utf-8"))
    text = page.render(
        run=config["run"],
        config=config,
        totals=content.totals(frames),
        paper={key: content.of_the_paper(index, key) for key in ("model", "dataset")},
        scorecard=content.make_scorecard(card, index, names),
        summary=summarize(card, config["statistics"]["confidence"]),
        words=content.words_of(card),
        card_caption=Markup(captions.to_html(record["params"]["caption"])),
        exhibits=shown,
        numbers=content.numbers_of(index, card, names),
        unmade=content.unmade(index, names),
        methods=Markup(content.methods(captions.fill(overview, config))),
        settings=yaml.safe_dump(dict(config), sort_keys=False),
        record=record,
        explorer=EXPLORER if linked else None,
        in_report=in_report,
        markup=Markup,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    provenance.write_whole(Path(folder) / "index.html", text)


def _variables(dark: Mapping[str, str]) -> str:
    """The colors of figures as variables of the page, in the light and in the dark."""
    light = "".join(f"--c{color}:#{color};" for color in dark)
    lights_out = "".join(f"--c{color}:#{other};" for color, other in dark.items())
    return (
        f":root{{{light}}}\n"
        "@media screen and (prefers-color-scheme: dark)"
        f'{{:root:not([data-theme="light"]){{{lights_out}}}}}\n'
        f'@media screen{{:root[data-theme="dark"]{{{lights_out}}}}}\n'
    )


def _hash(text: str) -> str:
    """The hash by which a page permits one style or script of its own and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
