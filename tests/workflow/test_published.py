"""The audit of published rollouts, from a release on the Hub to its exhibits, on a small model."""

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers import published
from helpers.hub_server import HubServer
from helpers.repository import ROOT, copy_to, planned, snakemake
from helpers.testbed import some

from cliff_tokens import provenance, tables
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.testbed.corpus import Habits, write

MODEL = "testbed-small"
RELEASE = {
    "hub": "lab/rollouts",
    "revision": None,
    "file": "rollouts/MODEL/DATASET.json",
    "rollouts": 64,
    "models": {MODEL: "Testbed"},
    "datasets": {"chains": "words"},
    "license": "MIT",
}
PLAN = f"run: theirs\npublished: mine\nmodels: [{MODEL}]\ndatasets: [chains]\n"
PATIENCE = {"HF_HUB_DOWNLOAD_TIMEOUT": "120", "HF_HUB_ETAG_TIMEOUT": "120"}


def records(count=6):
    """Traces as the testbed writes them, of a potential that falls in the middle of each."""
    rng, made = np.random.default_rng(3), []
    tokenizer = ChatTokenizer(str(ROOT / "resources/testbed" / MODEL))
    for number, problem in enumerate(some("chains", count)):
        response = write(problem, Habits(), rng)
        ids = tokenizer.written_ids(response).tolist()
        truth = np.where(np.arange(1, len(ids)) < len(ids) // 2, 0.8, 0.2 * (number % 2))
        made.append(
            published.record(
                (rng.binomial(64, truth) / 64).tolist(),
                problem=str(number),
                question=problem.question,
                golden_answer=[str(problem.answer)],
                full_prompt=f"<|user|>{problem.question}<|assistant|>",
                response=response,
                response_tokens=tokenizer.pieces(np.array(ids)),
                response_token_ids=ids,
                correct=number % 2 == 0,
            )
        )
    return made


def copy_with(folder, release):
    """The repository with one release and no other entry that is of the real Hub."""
    copy_to(folder)
    (folder / "config/revisions.lock.yaml").unlink(missing_ok=True)
    for name, mine in (("models", {}), ("datasets", {}), ("rollouts", {"mine": release})):
        path = folder / f"config/{name}.yaml"
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        local = {key: entry for key, entry in entries.items() if "hub" not in entry}
        path.write_text(yaml.safe_dump(local | mine), encoding="utf-8")
    (folder / "theirs.yaml").write_text(PLAN, encoding="utf-8")
    return folder


@pytest.fixture
def server():
    running = HubServer()
    yield running
    running.stop()


def test_a_release_on_the_hub_becomes_an_audited_catalogue(server, tmp_path, monkeypatch):
    made = records()
    published.write(tmp_path / "data/rollouts/Testbed/words.json", made)
    remote = server.add("dataset", "lab/rollouts", tmp_path / "data")
    folder = copy_with(tmp_path / "repository", RELEASE)
    for name in ("HF_TOKEN", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    own = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_XET": "1"}
    for name, value in {**own, **PATIENCE}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        done = snakemake(folder, *arguments, "--configfile", "theirs.yaml")
        assert done.returncode == 0, done.stdout + done.stderr

    run("resolve_revisions")
    lock = yaml.safe_load((folder / "config/revisions.lock.yaml").read_text(encoding="utf-8"))
    assert lock["datasets"]["lab/rollouts"]["revision"] == remote.commit
    run()

    results = folder / "results/theirs"
    place = f"{MODEL}/chains.parquet"
    traces = tables.read(results / "published/traces" / place, "published_traces")
    potential = tables.read(results / "published/potential" / place, "published_potential")
    audit = tables.read(results / "published/audit" / place, "published_audit")
    assert len(traces) == len(made)
    assert traces["reencoded"].all()
    # Where the potential falls to zero, all but twenty zeros were not measured.
    assert 0 < potential["successes"].isna().sum() < len(potential) / 2
    assert 3 <= len(audit) <= 2 * len(made)
    assert (audit["possible"] == (audit["bound"] > 0.1)).all()
    table = pd.read_csv(results / "tables/table_audit_published.csv")
    row = table[table["model"].eq("all") & table["kind"].eq("all")].iloc[0]
    assert row["n"] == len(audit)
    assert row["impossible"] == (~audit["possible"]).sum()
    runs = pd.read_csv(results / "tables/table_forced_runs.csv").set_index("model")
    assert runs.loc["all", "prefixes"] == potential["successes"].notna().sum()
    for name in ("figure_audit_published", "figure_forced_runs"):
        assert (results / f"figures/{name}.svg").is_file()
    assert not (results / "rollouts").exists()
    assert provenance.verify(results)[1] == []


def test_a_release_in_a_folder_needs_no_hub(tmp_path):
    local = {key: value for key, value in RELEASE.items() if key not in ("hub", "revision")}
    release = local | {"folder": "theirs", "file": "MODEL/DATASET.json.gz"}
    folder = copy_with(tmp_path / "repository", release)
    arguments = ("--configfile", "theirs.yaml")
    done = snakemake(folder, "-n", *arguments)
    assert "theirs/Testbed/words.json.gz" in done.stdout + done.stderr  # is missed by name
    published.write(folder / "theirs/Testbed/words.json.gz", [published.record([0.5])])
    jobs = planned(folder, *arguments)
    assert jobs["import_rollouts"] == jobs["score_published"] == jobs["audit_rollouts"] == 1
    assert not {"fetch_rollouts", "sample_traces", "roll_out", "table_audit"} & set(jobs)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("published: none", "published: 'none' is not in config/rollouts.yaml"),
        ("models: [testbed-large]", "models: 'testbed-large' is not in config/rollouts.yaml"),
        ("datasets: [factors]", "datasets: 'factors' is not in config/rollouts.yaml"),
    ],
)
def test_what_a_release_does_not_hold_is_named(tmp_path, change, said):
    folder = copy_with(tmp_path / "repository", RELEASE)
    (folder / "wrong.yaml").write_text(change + "\n", encoding="utf-8")
    done = snakemake(folder, "-n", "--configfile", "theirs.yaml", "wrong.yaml")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_the_plan_of_the_published_rollouts_scores_once_and_rolls_out_nothing(fresh):
    jobs = planned(fresh, "--configfile", "config/published.yaml")
    assert jobs["import_rollouts"] == jobs["score_published"] == jobs["audit_rollouts"] == 7 * 3
    assert jobs["fetch_rollouts"] == 1
    assert jobs["fetch_model"] == 7
    assert set(planned(fresh, "--configfile", "config/published.yaml", "--", "provenance")) == {
        *jobs,
        "provenance",
    } - {"all"}
    assert set(jobs) == {
        "all", "fetch_model", "fetch_rollouts", "import_rollouts", "score_published",
        "audit_rollouts", "table_audit_published", "figure_audit_published", "table_forced_runs",
        "figure_forced_runs", "write_manifest",
    }  # fmt: skip
