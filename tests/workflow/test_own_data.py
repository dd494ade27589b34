"""The walk of docs/own_data.md, command by command, with a model and problems of the test's own."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from helpers.repository import ROOT

from cliff_tokens.stages.generators import generate

pytestmark = pytest.mark.skipif(
    not (Path(sys.executable).parent / "cliff-tokens").exists(),
    reason="the command is not installed",
)


def commands() -> list[str]:
    text = (ROOT / "docs/own_data.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.S)
    return block.strip().splitlines()


@pytest.fixture
def own(fresh):
    """A checkout with a stranger's model, in bfloat16 and two files, and six problems."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    shipped = ROOT / "resources/testbed/testbed-small"
    model = AutoModelForCausalLM.from_pretrained(shipped, dtype=torch.bfloat16)
    model.save_pretrained(fresh / "my/model", max_shard_size="60KB")
    AutoTokenizer.from_pretrained(shipped).save_pretrained(fresh / "my/model")
    asked = generate("chains", "test", 6, seed=11)[["question", "answer"]]
    asked.to_json(fresh / "my/problems.jsonl", orient="records", lines=True)
    return fresh


def run(folder: Path, command: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    package = {"PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env={**os.environ, **package, "PATH": path},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_the_walk_of_the_documentation(own):
    new, dry, go, read, report = commands()
    assert len(list((own / "my/model").glob("*.safetensors"))) > 1
    said = run(own, new)
    assert "config/mine.yaml: written" in said
    assert "6 of 6 problems" in said
    plan = yaml.safe_load((own / "config/mine.yaml").read_text())
    assert (plan["models"], plan["datasets"]) == (["model"], ["problems"])
    assert "roll_out" in run(own, dry)
    run(own, go.replace("--cores 2", "--cores 1"))
    listed = run(own, read)
    assert "by the estimator recursive" in listed
    name = re.search(r"model/problems/\S+", listed)
    assert name, listed
    assert "question" in run(own, f"{read} {name[0]}")
    run(own, report)
    with zipfile.ZipFile(own / "mine.zip") as zipped:
        reported = [name for name in zipped.namelist() if name.endswith("/index.html")]
        pages = {name: zipped.read(name) for name in reported}
    article = (own / "results/mine/article/index.html").read_bytes()
    explorer = (own / "results/mine/explorer/index.html").read_bytes()
    assert sorted(pages.values()) == sorted([article, explorer])
    # Where the article leads in a report is where the report has the explorer.
    place = re.search(r'data-in-report="\.\./([0-9a-f]+/index\.html)"', article.decode())
    assert pages[f"mine/data/raw/{place[1]}"] == explorer
