# Catalogues, settings and axes of the run; no rules, and no science.

import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

PACKAGE = f"{workflow.basedir}/src"
sys.path.insert(0, PACKAGE)

from cliff_tokens import base, captions, catalogue, hub, paper_index, provenance
from cliff_tokens.revisions import REVISIONS
from cliff_tokens.stages.estimators import (
    AT_CLIFFS,
    ESTIMATORS,
    covered,
    draws_of,
    scored,
    stage_of,
)
from cliff_tokens.stages.pairs import catalogue_of

# In jobs, too, this checkout's package wins over one that another checkout has installed.
provenance.prefer(PACKAGE)
SCHEMAS = "workflow/schemas"
catalogue.check_run(config, workflow.configfiles, f"{SCHEMAS}/config.schema.yaml")
# Commits that were asked for, of repositories whose catalogue entry names none.
LOCK_FILE = "config/revisions.lock.yaml"
LOCK = {"models": {}, "datasets": {}}
if Path(LOCK_FILE).exists():
    LOCK = catalogue.load(LOCK_FILE, f"{SCHEMAS}/revisions.schema.yaml")
MODEL_CATALOGUE = catalogue.resolve(
    catalogue.load("config/models.yaml", f"{SCHEMAS}/models.schema.yaml"),
    LOCK["models"],
)
MODEL_CATALOGUE = catalogue.place(MODEL_CATALOGUE, "resources/pretrained")
DATASET_CATALOGUE = catalogue.resolve(
    catalogue.load("config/datasets.yaml", f"{SCHEMAS}/datasets.schema.yaml"),
    LOCK["datasets"],
)
ROLLOUT_CATALOGUE = catalogue.resolve(
    catalogue.load("config/rollouts.yaml", f"{SCHEMAS}/rollouts.schema.yaml"),
    LOCK["datasets"],
)
TESTBED = catalogue.load("config/testbed.yaml", f"{SCHEMAS}/testbed.schema.yaml")
PAPER_INDEX = paper_index.complete(
    catalogue.load("config/paper_index.yaml", f"{SCHEMAS}/paper_index.schema.yaml"),
    paper_index.read_published("config/published.csv"),
)
MODELS = catalogue.pick(
    MODEL_CATALOGUE, config["models"], "config/models.yaml", "models"
)
catalogue.refuse_context(MODELS, "config/models.yaml")
TRAINING_SET = config["training"]["dataset"]
EVALUATED = {entry["name"]: entry for entry in config["evaluation"]["datasets"]}
RECOUNT = config["evaluation"]["recount"]
DATASETS = catalogue.pick_all(
    DATASET_CATALOGUE,
    {
        "datasets": config["datasets"],
        "training.dataset": [TRAINING_SET],
        "evaluation.datasets": EVALUATED,
        "evaluation.recount.datasets": RECOUNT["datasets"],
    },
    "config/datasets.yaml",
)
catalogue.refuse_overlap(
    DATASETS, TRAINING_SET, [*EVALUATED, *RECOUNT["datasets"]], "training.dataset"
)
# Data sets of the run whose problems are out of reach for most models.
HARD = [name for name in config["datasets"] if DATASETS[name].get("role") == "hard"]
BASE = config["base"]
if BASE:
    base.check(config, f"results/{BASE}/provenance/config.yaml")

# Published rollouts that the run audits; empty in a run that draws its own.
RELEASE = {}
if config["published"]:
    RELEASE = catalogue.pick(
        ROLLOUT_CATALOGUE, [config["published"]], "config/rollouts.yaml", "published"
    )[config["published"]]
    for kind in ("models", "datasets"):
        place = f"config/rollouts.yaml ({config['published']}.{kind})"
        catalogue.pick(RELEASE[kind], config[kind], place, kind)

# Settings that rules pass on, named as the dataclasses they become.
TEST = {"margin": config["cliffs"]["margin"], "z": config["cliffs"]["z"]}
INTERVALS = {
    "confidence": config["statistics"]["confidence"],
    "repetitions": config["statistics"]["bootstrap"],
    "seed": config["seed"],
}
CUT_RULES = {
    "low": config["cut_points"]["low"],
    "chunks": config["cut_points"]["chunks"],
    "drop": config["cut_points"]["drop"],
}
# Axes of what is measured, of pairs of models (source and evaluator, as folders name them) and of
# what is trained. An evaluation has one more variant, the model as it is.
AXES = {"model": config["models"], "dataset": config["datasets"]}
for pair in config["agreement"]["pairs"]:
    catalogue.pick(MODEL_CATALOGUE, pair, "config/models.yaml", "agreement.pairs")
PAIRS = [pair for pair in config["agreement"]["pairs"] if MODELS.keys() >= set(pair)]
SOURCES = AXES | {"model": list(dict.fromkeys(source for source, _ in PAIRS))}
PAIRED = {
    "pair": [f"{source}--{evaluator}" for source, evaluator in PAIRS],
    "dataset": config["datasets"],
}
catalogue.pick(
    MODEL_CATALOGUE,
    config["training"]["models"],
    "config/models.yaml",
    "training.models",
)
TRAINED = [model for model in config["training"]["models"] if model in MODELS]
VARIANTS = config["training"]["variants"]
# Data sets whose problems the run needs: what only training and evaluation ask is left out without.
SELECTED = list(DATASETS) if TRAINED else config["datasets"]
ADAPTERS = {
    "model": TRAINED,
    "variant": VARIANTS,
    "seed": config["training"]["seeds"],
}
POLICIES = ADAPTERS | {"variant": ["base", *VARIANTS]}
# Traces that are trained on, and the estimator whose cliffs each variant needs (null: none).
TRAINING_AXES = {"model": TRAINED, "dataset": [TRAINING_SET]}
CATALOGUES = {
    variant: catalogue_of(variant, config["training"]["estimator"])
    for variant in VARIANTS
}
TRAINED_ON = sorted({name for name in CATALOGUES.values() if name})
# Traces of each problem, and how each data set is asked: for traces, in evaluation, and when
# cliffs are counted again.
SAMPLES = dict.fromkeys(DATASETS, config["traces"]["samples"]) | {
    TRAINING_SET: config["training"]["samples"]
}
QUESTIONS = {
    name: catalogue.questions(entry, SAMPLES[name]) for name, entry in DATASETS.items()
}
ASKED = {
    name: catalogue.questions(DATASETS[name], entry["samples"])
    for name, entry in EVALUATED.items()
}
RECOUNTED = {
    name: catalogue.questions(DATASETS[name], RECOUNT["samples"])
    for name in RECOUNT["datasets"]
}
DOMAINS = {
    name: "in domain" if entry["in_domain"] else "out of domain"
    for name, entry in EVALUATED.items()
}
# Estimators of the run, those whose cliffs are audited, and those that are scored (truth).
MAIN = config["potential"]["main"]
RUN_ESTIMATORS = config["potential"]["estimators"]
AUDITED = [name for name in RUN_ESTIMATORS if name == "independent"]
SCORED = scored(RUN_ESTIMATORS)
SCORED_ROUNDS = {name: list(ESTIMATORS[name].draws) for name in SCORED}
PROTOCOL = {
    key: config["potential"][key] for key in ("rollouts", "branches", "second_round")
}
BRANCH_ROLLOUTS = {
    "recursive": config["potential"]["branches"],
    "reference": config["truth"]["rollouts"],
}
# Problems of a data set that the costly estimators are run on, where these are not all.
SUBSET = config["potential"]["subset"]
catalogue.pick(DATASET_CATALOGUE, SUBSET, "config/datasets.yaml", "potential.subset")
if MAIN not in RUN_ESTIMATORS:
    raise WorkflowError(
        f"potential.main: {MAIN!r} is not among potential.estimators, which are "
        + ", ".join(RUN_ESTIMATORS)
    )
# Categories of the report, which sorts them by name.
ARTICLE_PAGE, SCORECARD, FIGURES, TABLES, TRACES, PROVENANCE = (
    "0 Article",
    "1 Scorecard",
    "2 Figures",
    "3 Tables",
    "4 Traces",
    "5 Provenance",
)
# What the run has of the things that figures and tables may need (config/paper_index.yaml).
HAVE = [need for need, there in {"pairs": PAIRS, "audit": AUDITED}.items() if there]


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    source="|".join(map(re.escape, MODELS)),
    evaluator="|".join(map(re.escape, MODELS)),
    dataset="|".join(map(re.escape, DATASETS)),
    checkpoint="|".join(TESTBED),
    release="|".join(map(re.escape, ROLLOUT_CATALOGUE)),
    shard=r"\d+",
    draws="|".join(draws_of(ESTIMATORS)) + f"|({'|'.join(AT_CLIFFS)})/[a-z]+",
    estimator="|".join(ESTIMATORS),
    variant="|".join(["base", *VARIANTS]),
    seed=r"\d+",
