# Axes of the experiment, catalogues and helpers; no rules.

import re
import sys

sys.path.insert(0, f"{workflow.basedir}/src")

from cliff_tokens import catalogue
from cliff_tokens.revisions import REVISIONS

MODEL_CATALOGUE = catalogue.load(
    "config/models.yaml", "workflow/schemas/models.schema.yaml"
)
DATASET_CATALOGUE = catalogue.load(
    "config/datasets.yaml", "workflow/schemas/datasets.schema.yaml"
)
MODELS = catalogue.pick(
    MODEL_CATALOGUE, config["models"], "config/models.yaml", "models"
) | catalogue.pick(
    MODEL_CATALOGUE,
    config["training"]["models"],
    "config/models.yaml",
    "training.models",
)
TRAINING_SET = config["training"]["dataset"]
EVALUATED = [entry["name"] for entry in config["evaluation"]["datasets"]]
RECOUNTED = config["evaluation"]["recount"]["datasets"]
DATASETS = {
    name: entry
    for key, names in {
        "datasets": config["datasets"],
        "training.dataset": [TRAINING_SET],
        "evaluation.datasets": EVALUATED,
        "evaluation.recount.datasets": RECOUNTED,
    }.items()
    for name, entry in catalogue.pick(
        DATASET_CATALOGUE, names, "config/datasets.yaml", key
    ).items()
}
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
# Traces of each problem.
SAMPLES = dict.fromkeys(DATASETS, config["traces"]["samples"]) | {
    TRAINING_SET: config["training"]["samples"]
}
VARIANTS = config["training"]["variants"]
# What is trained; an evaluation has one more variant, the model as it is.
ADAPTERS = {
    "model": config["training"]["models"],
    "variant": VARIANTS,
    "seed": config["training"]["seeds"],
}


def benchmark(name, samples):
    """What evaluation.Benchmark takes."""
    entry = DATASETS[name]
    return {
        "dataset": name,
        "system": entry["system"],
        "max_tokens": entry["max_tokens"],
        "samples": samples,
    }


def source_of(name):
    """Where the problems of a data set come from."""
    return [DATASETS[name].get(key) for key in ("generator", "hub", "config", "split")]


for name in [*EVALUATED, *RECOUNTED]:
    if source_of(name) == source_of(TRAINING_SET):
        raise ValueError(
            f"evaluation: {name} is of the same source and split as training.dataset "
            f"({TRAINING_SET}); a model cannot be measured on what it was trained on"
        )
POLICIES = ADAPTERS | {"variant": ["base", *VARIANTS]}
# How each data set is asked in evaluation, and when cliffs are counted again.
BENCHMARKS = [
    benchmark(entry["name"], entry["samples"])
    for entry in config["evaluation"]["datasets"]
]
RECOUNTS = [
    benchmark(name, config["evaluation"]["recount"]["samples"]) for name in RECOUNTED
]
DOMAINS = {
    entry["name"]: "in domain" if entry["in_domain"] else "out of domain"
    for entry in config["evaluation"]["datasets"]
}
# The catalogue of cliffs that each variant's pairs come from.
CLIFFS_OF = dict.fromkeys(VARIANTS, config["training"]["estimator"]) | {
    "deterministic": "simulated"
}
# The same for what detection cost; whole responses need no cliffs.
DETECTED_BY = {
    variant: None if variant in ("response", "cdpo") else CLIFFS_OF[variant]
    for variant in VARIANTS
}
CATALOGUES = sorted({found for found in DETECTED_BY.values() if found})
SHARDS = range(1, config["potential"]["shards"] + 1)
BRANCH_SHARDS = range(1, config["potential"]["branch_shards"] + 1)

if MAIN not in ESTIMATORS:
    raise ValueError(
        f"potential.main: {MAIN!r} is not among potential.estimators, which are "
        + ", ".join(ESTIMATORS)
    )

catalogue.pick(
    MODELS, config["training"]["models"], "this run's models", "training.models"
)


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    dataset="|".join(map(re.escape, DATASETS)),
    checkpoint="|".join(TESTBED),
    shard=r"\d+",
    plan="|".join(ROUNDS),
    estimator="independent|simulated|" + "|".join(ROUNDS),
    variant="|".join(["base", *VARIANTS]),
    seed=r"\d+",


def weights(wildcards):
    """The checkpoint that jobs need: a file of this repository, or nothing for the Hub."""
    entry = MODELS[wildcards.model]
    return f"{entry['path']}/model.safetensors" if "path" in entry else []


def source(wildcards):
    """How a model is opened: engine, folder or Hub id, revision, arguments of its template."""
    entry = MODELS[wildcards.model]
    return {
        "engine": entry["engine"],
        "model": entry.get("path") or entry["hub"],
        "revision": entry.get("revision"),
        "chat": entry["chat"],
    }


def branches_to_reuse(wildcards):
    """Branches that did not select the estimator's cliffs: those of another estimator."""
    if wildcards.estimator != "independent" or "recursive" not in ESTIMATORS:
        return []
    return "<results>/branches/recursive/{model}/{dataset}.parquet"


def adapter(wildcards):
    """The adapter of a policy: none for base."""
    if wildcards.variant == "base":
        return []
    return "<results>/adapters/{model}/{variant}/seed-{seed}"


def gpus(wildcards):
    """GPUs of a job that runs the model: none for the CPU engine."""
    return 1 if MODELS[wildcards.model]["engine"] == "vllm" else 0
