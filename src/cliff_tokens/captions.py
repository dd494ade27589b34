"""Captions of figures and tables: workflow/report/NAME.rst with the numbers of a run filled in."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace


def fill(path: str | Path, config: Mapping) -> str:
    """A caption with the configuration filled in, as the report of Snakemake does it.

    The file bears the name of the rule; what it asks of the configuration and is not there is an
    error.
    """
    import jinja2  # which comes with the workflow, not with the core

    path = Path(path)
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    job = SimpleNamespace(config=config, rule=path.stem)
    return strict.from_string(path.read_text(encoding="utf-8")).render(snakemake=job).strip()


def to_markdown(caption: str) -> str:
    """A caption in Markdown, which writes code between single backticks, and the rest alike."""
    return caption.replace("``", "`")


def to_html(text: str) -> str:
    """reStructuredText as HTML; what would read a file or be passed through raw is refused.

    What is not valid is an error.
    """
    from docutils.core import publish_parts

    settings = {
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "halt_level": 2,
        "report_level": 2,
        "initial_header_level": 3,
    }
    return publish_parts(text, writer="html5", settings_overrides=settings)["body"]
