"""Benchmarks of seconds run and print what they say they do; how much is a matter of docs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SMALL = ("--prefixes", "3", "--rollouts", "16", "--limit", "16")


def printed(script: str, *options: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", *options],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": "src", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_sampler_on_candidates_draws_the_tokens_of_whole_rows():
    lines = printed("sampler.py", "--steps", "1", "--rows", "8")
    assert len(lines) == 3
    assert all(line.endswith("0 tokens differ") for line in lines)


def test_what_a_gpu_will_be_asked_can_be_asked_of_a_processor():
    found = [
        json.loads(line)
        for line in printed("gpu.py", "--device", "cpu", "--shapes", "tiny", *SMALL)
    ]
    assert [line["what"] for line in found] == ["machine", "sampler", "agreement", "speed"]
    assert found[-1]["branches"] == 48


def test_the_engine_is_set_against_generate():
    lines = printed("engine.py", "resources/testbed/testbed-small", "--repetitions", "1", *SMALL)
    assert lines[0] == "53800 parameters, 3 prompts, 48 rollouts"
    drawn, given = map(int, re.findall(r"\d+", lines[1]))
    assert 0 < given < drawn <= 48 * 16
    assert [line.split(" | ")[0] for line in lines[-3:]] == [
        "| this engine",
        "| generate, batch 64",
        "| generate, batch 256",
    ]
