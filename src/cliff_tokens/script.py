"""The edges of a script: its log, provenance, models, and parts that an earlier attempt finished.

It takes Snakemake's job as it comes, but imports neither Snakemake nor any stage.
"""

import gc
import hashlib
import json
import logging
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import yaml

from cliff_tokens import hub, problem_files, provenance
from cliff_tokens.policies import Policy, open_engine
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer


@contextmanager
def running(job) -> Iterator[dict]:
    """Log what a job does, to its file and from warnings up to the terminal; give its provenance.

    An error of a class of this package says what is wrong and what would do: it is logged, and the
    job exits with status 1. Any other is logged with its traceback and raised. Without one, what
    cannot carry its provenance (csv, figures) has it written beside it.
    """
    to_file = logging.FileHandler(job.log[0], mode="w", encoding="utf-8")
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
        making = provenance.record(job)
        yield making
        provenance.write_records(making, job.output)
    except Exception as error:
        if type(error).__module__.startswith("cliff_tokens."):
            logger.error("%s failed: %s", job.rule, error)
            sys.exit(1)
        logger.exception("%s failed", job.rule)
        raise
    logger.info("%s finished", job.rule)
    # At its end the interpreter would search everything that was imported for garbage: a tenth of a
    # second of a short job, more than one where PyTorch was loaded.
    gc.freeze()


class _Finished:
    """Finished parts of a job, in a folder: a ``rollouts.Store``.

    ``job`` is a hash of all that decides the output, so that no other job reads them.
    """

    def __init__(self, folder: Path, job: str):
        self.folder, self.job = folder, job

    def read(self, name: str) -> pd.DataFrame | None:
        path = self._path(name)
        try:
            rows = pd.read_parquet(path)
        except FileNotFoundError:
            return None
        except (pa.ArrowInvalid, OSError) as error:  # as a power cut can leave it
            logging.getLogger(__name__).warning("%s cannot be read, drawing again: %s", path, error)
            return None
        logging.getLogger(__name__).info("%s: taken from an earlier attempt", name)
        return rows

    def write(self, name: str, rows: pd.DataFrame) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(name)
        # A job that SLURM requeued can meet its own former self: each writes a file of its own.
        unfinished = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}")
        rows.to_parquet(unfinished)
        os.replace(unfinished, path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{self.job}-{name}.parquet"


@contextmanager
def resumable(output: str, provenance: dict) -> Iterator[_Finished]:
    """A store beside ``output`` of what this job finishes before it ends, removed once it has.

    What it holds is named by everything that decides the output (``provenance``: params, hashes of
    inputs, versions), so that an attempt under other circumstances never reads it.
    """
    path = Path(output)
    folder = path.with_name(f".{path.stem}.partial")
    content = json.dumps(provenance, sort_keys=True).encode()
    yield _Finished(folder, hashlib.sha256(content).hexdigest()[:16])
    shutil.rmtree(folder, ignore_errors=True)


def open_policy(opens: dict, sampler: dict, adapter: str | None = None) -> Policy:
    """A model with its tokenizer and sampler.

    ``opens`` says how the model is opened (``catalogue.opens``), ``sampler`` holds the fields of a
    ``Sampler``, and ``adapter`` is the folder of a LoRA adapter that the engine applies, or None.
    """
    options = opens.get("options", {})
    # What importing PyTorch and transformers leaves behind stays: looking through it for garbage
    # is a fifth of the time that opening a small model takes.
    gc.disable()
    try:
        engine = open_engine(opens["engine"], located(opens), adapter=adapter, **options)
        return Policy(engine, open_tokenizer(opens), Sampler(**sampler))
    finally:
        gc.enable()


def was_trained(adapter: str) -> bool:
    """Whether an adapter had pairs to be trained on.

    An adapter without pairs is base under another name, and measuring it would look like a result.
    """
    return bool(_record(adapter)["pairs"])


def trained_adapters(adapters: Iterable[str]) -> dict[tuple[str, int], str]:
    """The adapters that had pairs, by variant and training seed."""
    records = {adapter: _record(adapter) for adapter in adapters if was_trained(adapter)}
    return {(record["variant"], record["seed"]): name for name, record in records.items()}


def _record(adapter: str) -> dict:
    return json.loads((Path(adapter) / "provenance.json").read_text(encoding="utf-8"))


def open_tokenizer(opens: dict) -> ChatTokenizer:
    """The tokenizer of a model, from how it is opened."""
    return ChatTokenizer(located(opens), chat=opens.get("chat"))


def located(opens: dict) -> str:
    """The folder of a model: its own path, or where its commit was fetched to.

    What has a revision is of the Hub, even if there happens to be a folder of that name.
    """
    if opens.get("revision") is None:
        return opens["model"]
    return str(hub.folder(hub.Repository("model", opens["model"], opens["revision"])))


def read_rows(entry: dict) -> pd.DataFrame | None:
    """The records of a file, or of a split that was fetched, by a data set's catalogue entry.

    None for a generator.
    """
    if "generator" in entry:
        return None
    if "file" in entry:
        return problem_files.read(entry["file"], entry.get("sha256"))
    repository = hub.Repository("dataset", entry["hub"], entry["revision"])
    return hub.rows(repository, entry.get("config"), entry["split"])


def write_receipt(receipt: dict, path: str) -> None:
    """What was fetched, as JSON."""
    provenance.write_whole(Path(path), json.dumps(receipt, indent=2) + "\n")


def write_lock(lock: dict, path: str) -> None:
    """config/revisions.lock.yaml, whole or not at all."""
    head = (
        "# yaml-language-server: $schema=../workflow/schemas/revisions.schema.yaml\n"
        "# Written by `snakemake resolve_revisions`. Keep it with the catalogues; to ask for a\n"
        "# repository's commit again, delete its entry.\n"
    )
    provenance.write_whole(Path(path), head + yaml.safe_dump(lock, sort_keys=False))
