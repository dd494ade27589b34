"""Fetching from the Hub: the real client in a process of its own, a server of ours beside it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.hub_server import HubServer
from helpers.repository import copy_to, snakemake

from cliff_tokens import tables
from cliff_tokens.stages import problems

# Seconds the client waits for an answer: on a busy machine its usual 10 can pass.
PATIENCE = {"HF_HUB_DOWNLOAD_TIMEOUT": "120", "HF_HUB_ETAG_TIMEOUT": "120"}
PROGRAM = """
import json, sys
from cliff_tokens import hub
kind, name, revision, action, argument = json.loads(sys.argv[1])
repository = hub.Repository(kind, name, revision)
try:
    if action == "rows":
        found = hub.rows(repository, *argument).to_dict("list")
    elif action == "folder":
        found = sorted(path.name for path in hub.folder(repository).iterdir())
    elif argument is not None:
        found = getattr(hub, action)(repository, argument)
    else:
        found = getattr(hub, action)(repository)
except hub.HubError as error:
    found = {"error": str(error)}
print(json.dumps(found))
"""


@pytest.fixture
def server():
    running = HubServer()
    yield running
    running.stop()


@pytest.fixture
def model(server, root):
    """The small testbed model as a repository, beside files that nobody needs."""
    repository = server.add("model", "lab/tiny", root / "resources/testbed/testbed-small")
    repository.files |= {"original/params.json": b"{}", "pytorch_model.bin": b"the same again"}
    return repository


ROWS = {"q": ["1+1?", "2+2?", "3+3?"], "a": ["#### 2", "#### 4", "#### 6"]}


@pytest.fixture
def quiz(server, tmp_path):
    """Three problems as parquet: two splits of one configuration, one of another."""
    folder = tmp_path / "quiz"
    (folder / "main").mkdir(parents=True)
    rows = pd.DataFrame(ROWS)
    rows.to_parquet(folder / "main/test.parquet")
    rows.head(1).to_parquet(folder / "main/train.parquet")
    rows.tail(2).to_parquet(folder / "hard.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n"
        "  - {split: test, path: main/test.parquet}\n  - {split: train, path: main/train.parquet}\n"
        "- config_name: hard\n  data_files:\n  - {split: test, path: hard.parquet}\n---\n"
    )
    return server.add("dataset", "lab/quiz", folder)


@pytest.fixture
def ask(server, root, tmp_path):
    """Call a function of hub.py in a new process; what it returns, or {"error": its message}."""

    def ask(kind, name, revision, action, argument=None, token=None):
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
            "PYTHONPATH": str(root / "src"),
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_OFFLINE": "1",  # as the Makefile sets it; what has to ask the Hub still does
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            **PATIENCE,
        }
        if token:
            environment["HF_TOKEN"] = token
        arguments = json.dumps([kind, name, revision, action, argument])
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, arguments],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return ask


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_a_model_is_fetched_without_what_it_does_not_need(ask, model):
    receipt = ask("model", "lab/tiny", model.commit, "fetch")
    needed = {name: data for name, data in model.files.items() if name not in
              ("original/params.json", "pytorch_model.bin")}  # fmt: skip
    assert receipt == {
        "repository": "lab/tiny",
        "revision": model.commit,
        "sha256": {name: sha256(data) for name, data in sorted(needed.items())},
    }
    assert ask("model", "lab/tiny", model.commit, "folder") == sorted(needed)


def test_what_was_fetched_is_read_without_the_server(ask, server, model):
    ask("model", "lab/tiny", model.commit, "fetch")
    before = len(server.log)
    ask("model", "lab/tiny", model.commit, "folder")
    assert len(server.log) == before


def test_what_was_not_fetched_is_missed_by_name_and_remedy(ask, model):
    error = ask("model", "lab/tiny", model.commit, "folder")["error"]
    assert f"model lab/tiny at {model.commit}: not in the Hub's cache" in error
    assert "--forcerun fetch_model" in error


@pytest.mark.parametrize(
    ("config", "split", "rows"),
    [("main", "test", [0, 1, 2]), ("main", "train", [0]), ("hard", "test", [1, 2])],
)
def test_every_configuration_and_split_of_a_data_set_is_read(ask, quiz, config, split, rows):
    receipt = ask("dataset", "lab/quiz", quiz.commit, "fetch")
    assert set(receipt["sha256"]) == set(quiz.files)
    found = ask("dataset", "lab/quiz", quiz.commit, "rows", [config, split])
    assert found == {key: [values[row] for row in rows] for key, values in ROWS.items()}


def test_integers_of_a_data_set_stay_whole_beside_null(ask, server, tmp_path):
    (tmp_path / "nulls").mkdir()
    answers = [2**60 + 1, None]
    frame = pd.DataFrame({"q": ["1+1?", "2+2?"], "a": pd.array(answers, "Int64")})
    frame.to_parquet(tmp_path / "nulls/test.parquet")
    repository = server.add("dataset", "lab/nulls", tmp_path / "nulls")
    ask("dataset", "lab/nulls", repository.commit, "fetch")
    assert ask("dataset", "lab/nulls", repository.commit, "rows", [None, "test"])["a"] == answers


def test_a_data_set_of_json_lines_without_a_card_is_read(ask, server, tmp_path):
    folder = tmp_path / "lines"
    folder.mkdir()
    pd.DataFrame(ROWS).to_json(folder / "test.jsonl", orient="records", lines=True)
    lines = server.add("dataset", "lab/lines", folder)
    ask("dataset", "lab/lines", lines.commit, "fetch")
    assert ask("dataset", "lab/lines", lines.commit, "rows", [None, "test"]) == ROWS


@pytest.mark.parametrize(("config", "split"), [("main", "validation"), ("easy", "test")])
def test_a_split_or_configuration_that_is_not_there_is_named(ask, quiz, config, split):
    ask("dataset", "lab/quiz", quiz.commit, "fetch")
    error = ask("dataset", "lab/quiz", quiz.commit, "rows", [config, split])["error"]
    assert "data set lab/quiz" in error
    assert (split if config == "main" else config) in error


def test_resolving_gives_the_commit_and_the_hashes_of_large_files(ask, model):
    found = ask("model", "lab/tiny", None, "resolve")
    weights = model.files["model.safetensors"]
    assert found == {"revision": model.commit, "sha256": {"model.safetensors": sha256(weights)}}


def test_an_unresolved_repository_is_not_fetched(ask, server, model):
    error = ask("model", "lab/tiny", None, "fetch")["error"]
    assert "resolve_revisions" in error
    assert not server.log


def test_a_commit_that_is_not_there_is_said_to_be_missing(ask, model):
    error = ask("model", "lab/tiny", "0" * 40, "fetch")["error"]
    assert error == f"model lab/tiny at {'0' * 40}: the repository has no such commit"


def test_a_repository_that_is_not_there_is_said_to_be_missing(ask):
    error = ask("model", "lab/none", "0" * 40, "fetch")["error"]
    assert "lab/none" in error
    assert "its name is wrong, or it is private" in error


@pytest.mark.parametrize(
    ("token", "found"), [(None, "no token"), ("hf_other", "a token that may not")]
)
@pytest.mark.parametrize("action", ["check_access", "fetch"])
def test_a_gated_model_says_what_to_accept_and_what_to_set(
    ask, server, model, token, found, action
):
    model.gated = True
    error = ask("model", "lab/tiny", model.commit, action, token=token)["error"]
    assert f"gated. Accept its license at {server.url}/lab/tiny and set HF_TOKEN" in error
    assert error.endswith(f"found {found}")


def test_a_gated_model_is_fetched_with_the_token_of_the_environment(ask, model):
    model.gated = True
    assert ask("model", "lab/tiny", model.commit, "check_access", token="hf_reader") is None
    receipt = ask("model", "lab/tiny", model.commit, "fetch", token="hf_reader")
    assert receipt["revision"] == model.commit


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_with_another_hash_is_refused_removed_and_fetched_again(ask, model, name):
    model.corrupt.add(name)
    error = ask("model", "lab/tiny", model.commit, "fetch")["error"]
    assert f"{name} has another {'sha256' if name.endswith('s') else 'git hash'}" in error
    model.corrupt.clear()
    assert ask("model", "lab/tiny", model.commit, "fetch")["revision"] == model.commit


def test_a_file_that_is_not_the_recorded_one_is_refused(ask, model):
    recorded = {"model.safetensors": sha256(b"other weights")}
    error = ask("model", "lab/tiny", model.commit, "fetch", recorded)["error"]
    assert "model.safetensors has another recorded sha256 than expected" in error
    error = ask("model", "lab/tiny", model.commit, "fetch", {"gone.safetensors": "0"})["error"]
    assert "gone.safetensors is in the lock but not in the repository" in error


def test_an_interrupted_download_goes_on_where_it_stopped(ask, server, model):
    # 12 MB of noise, of which the first attempt gets 11: the client writes in pieces of 10 MB.
    weights = np.random.default_rng(0).bytes(12_000_000)
    model.files["model.safetensors"] = weights
    model.broken["model.safetensors"] = 11_000_000
    receipt = ask("model", "lab/tiny", model.commit, "fetch")
    if "error" in receipt:
        receipt = ask("model", "lab/tiny", model.commit, "fetch")
    assert receipt["sha256"]["model.safetensors"] == sha256(weights)
    got = [
        span
        for method, path, span in server.log
        if method == "GET" and path.endswith(f"resolve/{model.commit}/model.safetensors")
    ]
    assert len(got) == 2
    assert int(got[1].removeprefix("bytes=").removesuffix("-")) > 0


def test_a_server_that_is_away_is_named(ask, server, model):
    server.stop()
    error = ask("model", "lab/tiny", model.commit, "fetch")["error"]
    assert f"{server.url} did not give it" in error


MODEL = {
    "hub": "lab/tiny",
    "revision": None,
    "gated": True,
    "engine": "transformers",
    "chat": {},
    "sampler": {"temperature": 1.0, "top_p": 0.95, "top_k": 0},
    "context": 512,
    "license": "MIT",
    "label": "Tiny",
}
DATASET = {
    "hub": "lab/word-problems",
    "revision": None,
    "split": "test",
    "question": "question",
    "answer": "solution",
    "after": "####",
    "subset": {"rule": "uniform", "problems": 3, "seed": 42},
    "max_tokens": 60,
    "system": None,
    "version": 1,
    "license": "MIT",
    "label": "Word problems",
}
TRACES = "results/mine/traces/tiny/word-problems.parquet"


def test_a_run_on_a_model_and_problems_of_the_hub(server, model, tmp_path, monkeypatch):
    model.gated = True
    asked = problems.select(
        "chains", {"generator": "chains", "split": "test", "problems": 5}, None, seed=1
    ).asked
    solutions = [f"Some words. #### {answer}" for answer in asked["answer"]]
    (tmp_path / "data").mkdir()
    pd.DataFrame({"question": asked["question"], "solution": solutions}).to_parquet(
        tmp_path / "data/test-00000-of-00001.parquet"
    )
    words = server.add("dataset", "lab/word-problems", tmp_path / "data")

    folder = copy_to(tmp_path / "repository")
    shutil.rmtree(folder / "resources/hub", ignore_errors=True)
    (folder / "config/revisions.lock.yaml").unlink(missing_ok=True)
    mine_of = {"models": {"tiny": MODEL}, "datasets": {"word-problems": DATASET}, "rollouts": {}}
    for name, mine in mine_of.items():
        path = folder / f"config/{name}.yaml"
        entries = yaml.safe_load(path.read_text())  # of which those of the real Hub are left out
        local = {key: entry for key, entry in entries.items() if "hub" not in entry}
        path.write_text(yaml.safe_dump(local | mine))
    (folder / "mine.yaml").write_text("run: mine\nmodels: [tiny]\ndatasets: [word-problems]\n")
    for name in ("HF_TOKEN", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for name, value in {"HF_HUB_DISABLE_XET": "1", **PATIENCE}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        done = snakemake(folder, *arguments, "--configfile", "mine.yaml")
        return done.returncode, done.stdout + done.stderr

    status, printed = run("resolve_revisions")
    assert status == 0, printed
    lock = yaml.safe_load((folder / "config/revisions.lock.yaml").read_text())
    assert lock["models"]["lab/tiny"]["revision"] == model.commit
    assert lock["datasets"]["lab/word-problems"]["revision"] == words.commit

    status, printed = run(TRACES)  # the license is not accepted: nothing starts
    assert status != 0
    assert f"gated. Accept its license at {server.url}/lab/tiny" in printed
    assert not (folder / "resources/hub").exists()

    monkeypatch.setenv("HF_TOKEN", model.token)
    status, printed = run(TRACES)
    assert status == 0, printed
    traces = tables.read(folder / TRACES, "traces")
    chosen = tables.read(folder / "results/mine/problems/word-problems.parquet", "problems")
    assert len(traces) == 3
    assert set(chosen["answer"]) <= set(asked["answer"])
    receipt = json.loads((folder / "resources/hub/models/tiny.json").read_text())
    assert receipt["revision"] == model.commit

    server.stop()  # from here on nothing is asked of the Hub
    status, printed = run(TRACES, "--forcerun", "sample_traces")
    assert status == 0, printed
