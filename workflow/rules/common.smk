# Axes of the experiment, catalogues and helpers; no rules.

import re
import sys
from pathlib import Path

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
)
DATASETS = catalogue.pick(
    DATASET_CATALOGUE, config["datasets"], "config/datasets.yaml", "datasets"
)
TESTBED = catalogue.load("config/testbed.yaml", "workflow/schemas/testbed.schema.yaml")
PAPER_INDEX = catalogue.load(
    "config/paper_index.yaml", "workflow/schemas/paper_index.schema.yaml"
)
TESTBED_LIMITS = {
    entry["generator"]: entry["max_tokens"]
    for entry in DATASET_CATALOGUE.values()
    if entry.get("split") == "test" and "generator" in entry
}
# Categories of the report, which sorts them by name.
SCORECARD, FIGURES, TABLES, PROVENANCE = (
    "1 Scorecard",
    "2 Figures",
    "3 Tables",
    "4 Provenance",
)
AXES = {"model": config["models"], "dataset": config["datasets"]}
INTERVALS = {
    "confidence": config["statistics"]["confidence"],
    "repetitions": config["statistics"]["bootstrap"],
    "seed": config["seed"],
}
# What makes a critical token and a reasoning tangent.
CUT_RULES = {
    "low": config["cut_points"]["low"],
    "chunks": config["cut_points"]["chunks"],
    "drop": config["cut_points"]["drop"],
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
# What the cost of a run is planned with: nothing where the catalogue expects nothing.
EXPECTED = {name: entry.get("expected") for name, entry in DATASETS.items()}
# The audit is of cliffs from independent rollouts, which a run may leave out.
AUDITABLE = [estimator for estimator in ESTIMATORS if estimator == "independent"]
AUDITS = ["audit" for _ in AUDITABLE]
# Who is asked about whose cliffs: source and evaluator, as folders name them.
PAIRS = config["agreement"]["pairs"]
for pair in PAIRS:
    catalogue.pick(MODELS, pair, "models", "agreement.pairs")
PAIRED = {
    "pair": [f"{owner}--{evaluator}" for owner, evaluator in PAIRS],
    "dataset": config["datasets"],
}
SOURCES = {
    "model": list(dict.fromkeys(owner for owner, _ in PAIRS)),
    "dataset": config["datasets"],
}
# What shows agreement is left out where no pair is named.
PAIR_FIGURES = PAIR_TABLES = []
if PAIRS:
    PAIR_TABLES = ["table_agreement"]
    PAIR_FIGURES = [
        "figure_04_cliff_mass_and_transfer",
        "figure_11_delta_cpm",
        "figure_12_ranks_deterministic",
        "figure_13_ranks_uncertain",
        "figure_14_ranks_sampled_off",
    ]
SHARDS = range(1, config["potential"]["shards"] + 1)
BRANCH_SHARDS = range(1, config["potential"]["branch_shards"] + 1)

if MAIN not in ESTIMATORS:
    raise ValueError(
        f"potential.main: {MAIN!r} is not among potential.estimators, which are "
        + ", ".join(ESTIMATORS)
    )


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    source="|".join(map(re.escape, MODELS)),
    evaluator="|".join(map(re.escape, MODELS)),
    dataset="|".join(map(re.escape, DATASETS)),
    checkpoint="|".join(TESTBED),
    shard=r"\d+",
    plan="|".join(ROUNDS),
    estimator="independent|" + "|".join(ROUNDS),


def shown(target, view=None):
    """Labels in the report: place in the paper's order and what it shows; figures have views."""
    for place, entry in enumerate(PAPER_INDEX.values(), 1):
        if entry["target"] == target:
            labels = {
                "no.": f"{place:02}",
                "paper": entry["number"] or "ours",
                "shows": entry["title"],
            }
            return labels | ({"view": view} if view else {})
    raise ValueError(
        f"{target}: not in config/paper_index.yaml; expected an entry with this target"
    )


def weights(wildcards):
    """The checkpoint that jobs need: a file of this repository, or nothing for the Hub."""
    return weights_of(wildcards.model)


def evaluator_weights(wildcards):
    """The same, of the model that is asked about another's cliffs."""
    return weights_of(wildcards.evaluator)


def weights_of(model):
    entry = MODELS[model]
    return f"{entry['path']}/model.safetensors" if "path" in entry else []


def source(wildcards):
    """How a model is opened: engine, folder or Hub id, revision, arguments of its template."""
    return opened(wildcards.model)


def pair_source(wildcards):
    """The same, of the model that owns the cliffs."""
    return opened(wildcards.source)


def pair_evaluator(wildcards):
    """The same, of the model that is asked about them."""
    return opened(wildcards.evaluator)


def opened(model):
    entry = MODELS[model]
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


def gpus(wildcards):
    """GPUs of a job that runs the model: none for the CPU engine."""
    return 1 if MODELS[wildcards.model]["engine"] == "vllm" else 0


def evaluator_gpus(wildcards):
    """The same, for the model that is asked about another's cliffs."""
    return 1 if MODELS[wildcards.evaluator]["engine"] == "vllm" else 0
