"""Runs that are killed at random moments and started again, and the bytes that a run leaves."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from cliff_tokens.provenance import sha256
from helpers.repository import call, snakemake

_LATER = 2.0  # seconds: how long after the start of a job a kill comes at most


def contents(folder: Path) -> dict[str, str]:
    """Every file and folder below one, hidden ones too: path to sha256, which a folder has not."""
    return {
        str(path.relative_to(folder)): sha256(path) if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def differing(folder: Path, other: Path) -> list[str]:
    """Files and folders below either that the other has not or has with other bytes."""
    one, two = contents(folder), contents(other)
    return [path for path in sorted(one.keys() | two.keys()) if one.get(path) != two.get(path)]


def jobs_begun(folder: Path) -> int:
    """Jobs that have begun in a checkout: each opens its log first."""
    return sum(path.is_file() for path in (folder / "logs").rglob("*"))


def run_with_kills(
    folder: Path, *plan: str, jobs: int, kills: int, seed: int, **variables: str
) -> subprocess.CompletedProcess:
    """Run Snakemake to its end in a checkout, killed ``kills`` times before, its jobs with it.

    Moments are drawn by ``seed``, one in each of ``kills`` equal parts of the ``jobs`` that the
    plan has: a number of jobs that have begun, and a time after that. All get SIGKILL at
    once, which none can catch.
    """
    draw = random.Random(seed)
    for part in range(kills):
        begun = draw.randrange(part * jobs // kills, (part + 1) * jobs // kills)
        later = draw.uniform(0, _LATER)
        running = subprocess.Popen(
            **call(folder, *plan, **variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while running.poll() is None and jobs_begun(folder) <= begun:
            time.sleep(0.02)
        time.sleep(later)
        if running.poll() is not None:
            raise RuntimeError(f"{folder}: Snakemake ended before it was killed; look at its log")
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        snakemake(folder, *plan, "--unlock")
    return subprocess.run(
        **call(folder, *plan, **variables), capture_output=True, text=True, check=False
    )
