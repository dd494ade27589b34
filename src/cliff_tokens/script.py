"""The edges of a script: its log, and the provenance of what it writes."""

import json
import logging
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from cliff_tokens import provenance, tables
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


def open_model(source: dict, adapter: str | None = None) -> tuple[Engine, ChatTokenizer]:
    """The engine and the tokenizer of a model, from what ``source`` in common.smk gives.

    ``adapter`` is the folder of a LoRA adapter that the engine applies.
    """
    model, revision = pinned(source)
    engine = open_engine(source["engine"], model, revision=revision, adapter=adapter)
    return engine, ChatTokenizer(model, revision, source.get("chat"))


def open_policy(source: dict, adapter: Sequence[str]) -> tuple[Engine | None, ChatTokenizer | None]:
    """The same for a job's input ``adapter``: base where there is none.

    Nothing, where the adapter had no pairs to be trained on: it is base under another name, and
    measuring it would look like a result.
    """
    if not adapter:
        return open_model(source)
    made = json.loads((Path(str(adapter)) / "provenance.json").read_text())
    return open_model(source, str(adapter)) if made["pairs"] else (None, None)


def pinned(source: dict) -> tuple[str, str | None]:
    """Folder or Hub id of a model and its revision; on the Hub it must have one."""
    model, revision = source["model"], source.get("revision")
    if revision is None and not Path(model).is_dir():
        raise ValueError(
            f"config/models.yaml: {model} has no revision; expected the 40 digits of a commit, "
            "since the default branch of a Hub repository can move"
        )
    return model, revision


def read_each(
    paths: Sequence[str], names: Sequence[str], table: str | None = None
) -> dict[str, pd.DataFrame]:
    """Tables by name, from paths that were collected over ``names`` before all else.

    Without ``table`` the first folder of each name says which table it is.
    """
    size = len(paths) // max(1, len(names))
    return {
        name: tables.read_all(paths[i * size : (i + 1) * size], table or name.split("/")[0])
        for i, name in enumerate(names)
    }


def read_labeled(paths: Sequence[str], table: str) -> pd.DataFrame:
    """Several files of one table, with a column for each wildcard of the job that wrote them."""
    return pd.concat(
        [
            tables.read(path, table).assign(**tables.read_metadata(path)["wildcards"])
            for path in paths
        ],
        ignore_index=True,
    )


def read_costs(adapters: Sequence[str]) -> pd.DataFrame:
    """What each adapter took to train: model, variant, seed and the values of its cost.json."""
    rows = []
    for folder in map(Path, adapters):
        made = json.loads((folder / "provenance.json").read_text())
        cost = json.loads((folder / "cost.json").read_text())
        rows.append(made["made_by"]["wildcards"] | cost)
    return pd.DataFrame(rows)


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
