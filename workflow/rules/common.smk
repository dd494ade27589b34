# Axes of the experiment, catalogues and helpers; no rules.

import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, f"{workflow.basedir}/src")

from cliff_tokens import catalogue, hub
from cliff_tokens.revisions import REVISIONS

# Commits that were asked for, of repositories whose catalogue entry names none.
LOCK_FILE = "config/revisions.lock.yaml"
LOCK = {"models": {}, "datasets": {}}
if Path(LOCK_FILE).exists():
    LOCK = catalogue.load(LOCK_FILE, "workflow/schemas/revisions.schema.yaml")
MODEL_CATALOGUE = catalogue.resolve(
    catalogue.load("config/models.yaml", "workflow/schemas/models.schema.yaml"),
    LOCK["models"],
)
DATASET_CATALOGUE = catalogue.resolve(
    catalogue.load("config/datasets.yaml", "workflow/schemas/datasets.schema.yaml"),
    LOCK["datasets"],
)
MODELS = catalogue.pick(
    MODEL_CATALOGUE, config["models"], "config/models.yaml", "models"
)
DATASETS = catalogue.pick(
    DATASET_CATALOGUE, config["datasets"], "config/datasets.yaml", "datasets"
)
TESTBED = catalogue.load("config/testbed.yaml", "workflow/schemas/testbed.schema.yaml")
TESTBED_LIMITS = {
    entry["generator"]: entry["max_tokens"]
    for entry in DATASET_CATALOGUE.values()
    if entry.get("split") == "test" and "generator" in entry
}
AXES = {"model": config["models"], "dataset": config["datasets"]}
INTERVALS = {
    "confidence": config["statistics"]["confidence"],
    "repetitions": config["statistics"]["bootstrap"],
    "seed": config["seed"],
}
MAIN = config["potential"]["main"]
BRANCH_ROLLOUTS = {
    "recursive": config["potential"]["rollouts"],
    "reference": config["truth"]["rollouts"],
}
# The branches that each estimator by recursion is made of.
ROUNDS = {
    "recursive": ["recursive"],
    "adaptive": ["recursive", "adaptive"],
    "reference": ["reference"],
}
ESTIMATORS = config["potential"]["estimators"]
# Where the counts lie that each estimator is made of, first round first.
COUNTS = {
    "independent": ["potential"],
    "recursive": ["branches/recursive"],
    "adaptive": ["branches/recursive", "branches/adaptive"],
}
# Scored against the reference: those of the run and, since it is cheap, the second round.
SCORED = list(dict.fromkeys([*ESTIMATORS, "adaptive"]))
COUNTED = sorted({folder for estimator in SCORED for folder in COUNTS[estimator]})
# Cost is predicted but for the second round, which depends on what the first finds.
PREDICTED = {
    estimator: COUNTS[estimator][0]
    for estimator in ("independent", "recursive")
    if COUNTS[estimator][0] in COUNTED
}
# The audit is of cliffs from independent rollouts, which a run may leave out.
AUDITABLE = [estimator for estimator in ESTIMATORS if estimator == "independent"]
AUDITS = ["audit" for _ in AUDITABLE]
SHARDS = range(1, config["potential"]["shards"] + 1)
BRANCH_SHARDS = range(1, config["potential"]["branch_shards"] + 1)

if MAIN not in ESTIMATORS:
    raise ValueError(
        f"potential.main: {MAIN!r} is not among potential.estimators, which are "
        + ", ".join(ESTIMATORS)
    )


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    dataset="|".join(map(re.escape, DATASETS)),
    checkpoint="|".join(TESTBED),
    shard=r"\d+",
    plan="|".join(ROUNDS),
    estimator="independent|" + "|".join(ROUNDS),


def weights(wildcards):
    """What tells that a checkpoint is there: its file, or the receipt of fetching it."""
    entry = MODELS[wildcards.model]
    if "path" in entry:
        return f"{entry['path']}/model.safetensors"
    return f"resources/hub/models/{wildcards.model}.json"


def fetched(wildcards):
    """The receipt of a data set of the Hub; nothing for a generator."""
    fetches = "hub" in DATASETS[wildcards.dataset]
    return f"resources/hub/datasets/{wildcards.dataset}.json" if fetches else []


def recorded(kind, catalogue):
    """A function that gives the recorded hashes of an entry's files, at the commit they are of."""

    def hashes(wildcards):
        entry = catalogue[wildcards[0]]
        known = LOCK[kind].get(entry["hub"])
        return (
            known["sha256"] if known and known["revision"] == entry["revision"] else {}
        )

    return hashes


def unresolved(catalogue):
    """Repositories that no entry of a catalogue, nor the lock, has a commit of."""
    entries = [entry for entry in catalogue.values() if "hub" in entry]
    return sorted({entry["hub"] for entry in entries if entry["revision"] is None})


def to_fetch():
    """The repositories that the jobs of this run will fetch."""
    kinds = {"fetch_model": ("model", MODELS), "fetch_problems": ("dataset", DATASETS)}
    jobs = [job for job in workflow.dag.needrun_jobs() if job.rule.name in kinds]
    found = [(kinds[job.rule.name], job.wildcards[0]) for job in jobs]
    return [
        hub.Repository(kind, catalogue[name]["hub"], catalogue[name]["revision"])
        for (kind, catalogue), name in found
    ]


def source(wildcards):
    """How a model is opened: engine, folder or Hub id, revision, arguments of its template."""
    entry = MODELS[wildcards.model]
    opened = {
        "engine": entry["engine"],
        "model": entry.get("path") or entry["hub"],
        "revision": entry.get("revision"),
        "chat": entry["chat"],
    }
    if entry["engine"] == "vllm":
        given = {key: entry[key] for key in ("gpus", "gpu_memory") if key in entry}
        opened["options"] = {"context": entry["context"], **given}
    return opened


def gpus(wildcards):
    """GPUs of a job that runs the model: none for the CPU engine."""
    entry = MODELS[wildcards.model]
    return entry.get("gpus", 1) if entry["engine"] == "vllm" else 0


if workflow.is_main_process and (none := unresolved(MODELS) + unresolved(DATASETS)):
    logger.warning(
        f"No commit is known of {', '.join(none)}: such a run can be planned, not started. "
        + hub.REMEDY
    )
