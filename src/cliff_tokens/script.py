"""The edges of a script: its log, and the provenance of what it writes."""

import json
import logging
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

from cliff_tokens import hub, provenance, tables
from cliff_tokens.engines import Engine, open_engine
from cliff_tokens.formatting import format_markdown
from cliff_tokens.prompts import ChatTokenizer


@contextmanager
def stage(job) -> Iterator[dict]:
    """Log to the job's log file and, from warnings up, to the terminal; yield the provenance.

    An error is written to the log with its traceback and then raised.
    """
    to_file = logging.FileHandler(job.log[0], mode="w")
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setLevel(logging.WARNING)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[to_file, to_terminal],
        force=True,
    )
    logger = logging.getLogger("cliff_tokens")
    logger.info("%s %s on %s", job.rule, dict(job.wildcards.items()), platform.node())
    try:
        yield provenance.record(job)
    except Exception:
        logger.exception("%s failed", job.rule)
        raise
    logger.info("%s finished", job.rule)


def open_model(source: dict) -> tuple[Engine, ChatTokenizer]:
    """The engine and the tokenizer of a model, from what ``source`` in common.smk gives."""
    model, options = source["model"], source.get("options", {})
    if not Path(model).is_dir():
        model = str(hub.folder(hub.Repository("model", model, source["revision"])))
    engine = open_engine(source["engine"], model, **options)
    return engine, ChatTokenizer(model, chat=source.get("chat"))


def read_rows(entry: dict) -> pd.DataFrame | None:
    """The split of a data set that was fetched, from its catalogue entry; None of a generator."""
    if "generator" in entry:
        return None
    repository = hub.Repository("dataset", entry["hub"], entry["revision"])
    return hub.rows(repository, entry.get("config"), entry["split"])


def read_each(
    paths: Sequence[str], names: Sequence[str], table: str | None = None
) -> dict[str, pd.DataFrame]:
    """Tables by name, from paths that were collected over ``names`` before all else.

    Without ``table`` the first folder of each name says which table it is.
    """
    size = len(paths) // len(names)
    return {
        name: tables.read_all(paths[i * size : (i + 1) * size], table or name.split("/")[0])
        for i, name in enumerate(names)
    }


def write_receipt(receipt: dict, path: str) -> None:
    """What was fetched, as JSON."""
    Path(path).write_text(json.dumps(receipt, indent=2) + "\n")


def write_lock(lock: dict, path: str) -> None:
    """config/revisions.lock.yaml, whole or not at all."""
    head = (
        "# yaml-language-server: $schema=../workflow/schemas/revisions.schema.yaml\n"
        "# Written by `snakemake resolve_revisions`. Keep it with the catalogues; to ask for a\n"
        "# repository's commit again, delete its entry.\n"
    )
    unfinished = Path(f"{path}.unfinished")
    unfinished.write_text(head + yaml.safe_dump(lock, sort_keys=False))
    unfinished.replace(path)


def write_summary(summary: pd.DataFrame, csv: str, md: str) -> None:
    """A summary's values in full (csv) and as they are read (Markdown)."""
    summary.to_csv(csv, index=False)
    Path(md).write_text(format_markdown(summary) + "\n")


def write_figure(values: pd.DataFrame, drawn, output) -> None:
    """A figure as svg and pdf beside the values it shows."""
    from cliff_tokens.figures import style

    values.to_csv(output.csv, index=False)
    style.save(drawn, output.svg)
    style.save(drawn, output.pdf)
