"""Kill smoke runs at random moments, go on, and compare every file with a run left alone.

PYTHONPATH=src:tests python benchmarks/kill_runs.py [--tries 100] [--seed 1] [folder]
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from helpers.killing import contents, differing, jobs_begun, run_with_kills
from helpers.repository import SMOKE, copy_to, snakemake

KILLS = 5  # of one run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--tries", type=int, default=100, help="kills in all, five to a run")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    whole = copy_to(folder / "whole")
    refuse(snakemake(whole, *SMOKE))
    jobs, wrong = jobs_begun(whole), 0
    print(f"left alone: {jobs} jobs, {len(contents(whole / 'results'))} files and folders")
    runs = -(-arguments.tries // KILLS)
    for number in range(runs):
        other = copy_to(folder / f"killed-{number}")
        seed = arguments.seed + number
        done = run_with_kills(
            other, *SMOKE, jobs=jobs, kills=KILLS, seed=seed, PYTHONHASHSEED=str(seed)
        )
        refuse(done)
        found = differing(whole / "results", other / "results")
        print(f"seed {seed}: {len(found)} differ {' '.join(found)}", flush=True)
        wrong += bool(found)
        if not found:
            shutil.rmtree(other)
    print(f"{wrong} of {runs} runs differ, each killed {KILLS} times; see {folder}")


def refuse(done) -> None:
    """Stop where Snakemake failed, with what it printed."""
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
