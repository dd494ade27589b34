# Axes of the experiment, catalogues and helpers; no rules.

import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, f"{workflow.basedir}/src")

from cliff_tokens import catalogue, hub
from cliff_tokens.revisions import REVISIONS
from cliff_tokens.stages.taxonomy import KINDS

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
# The rule (paper, Section 3).
TEST = {"margin": config["cliffs"]["margin"], "z": config["cliffs"]["z"]}
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
# The audit is of cliffs from independent rollouts, which a run may leave out.
AUDITABLE = [estimator for estimator in ESTIMATORS if estimator == "independent"]
AUDITS = ["audit" for _ in AUDITABLE]
# Who is asked about whose cliffs: source and evaluator, as folders name them.
for pair in config["agreement"]["pairs"]:
    catalogue.pick(MODEL_CATALOGUE, pair, "config/models.yaml", "agreement.pairs")
PAIRS = [pair for pair in config["agreement"]["pairs"] if MODELS.keys() >= set(pair)]
PAIRED = {
    "pair": [f"{owner}--{evaluator}" for owner, evaluator in PAIRS],
    "dataset": config["datasets"],
}
SOURCES = {
    "model": list(dict.fromkeys(owner for owner, _ in PAIRS)),
    "dataset": config["datasets"],
}
# What shows agreement is left out where the run has no pair.
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
# Traces of each problem.
SAMPLES = dict.fromkeys(DATASETS, config["traces"]["samples"]) | {
    TRAINING_SET: config["training"]["samples"]
}
VARIANTS = config["training"]["variants"]
catalogue.pick(
    MODEL_CATALOGUE,
    config["training"]["models"],
    "config/models.yaml",
    "training.models",
)
TRAINED = [model for model in config["training"]["models"] if model in MODELS]
# What shows Cliff-DPO is left out where the run has no model to train.
DPO_FIGURES = DPO_TABLES = []
if TRAINED:
    DPO_TABLES = ["table_dpo_accuracy", "table_dpo_cliffs", "table_dpo_cost"]
    DPO_FIGURES = [
        "figure_dpo_accuracy",
        "figure_dpo_positions",
        "figure_dpo_cliffs",
        "figure_dpo_training",
    ]
# What is trained; an evaluation has one more variant, the model as it is.
ADAPTERS = {
    "model": TRAINED,
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


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    source="|".join(map(re.escape, MODELS)),
    evaluator="|".join(map(re.escape, MODELS)),
    dataset="|".join(map(re.escape, DATASETS)),
    checkpoint="|".join(TESTBED),
    shard=r"\d+",
    plan="|".join(ROUNDS),
    estimator="independent|simulated|" + "|".join(ROUNDS),
    variant="|".join(["base", *VARIANTS]),
    seed=r"\d+",


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


def of_run(table, estimator=None, axes=AXES):
    """A table of the run's models and data sets; of an estimator where the table has one."""
    if estimator is not None:
        axes = {"estimator": estimator} | axes
    folders = (f"{{{axis}}}" for axis in axes)
    return collect(f"{Path('<results>', table, *folders)}.parquet", **axes)


def figure(name):
    """Outputs of a figure: svg and csv in the report, pdf for print."""
    return {
        "svg": report(
            f"<results>/figures/{name}.svg",
            caption=f"../report/{name}.rst",
            category=FIGURES,
            labels=shown(name, "picture"),
        ),
        "pdf": f"<results>/figures/{name}.pdf",
        "csv": report(
            f"<results>/figures/{name}.csv",
            caption=f"../report/{name}.rst",
            category=FIGURES,
            labels=shown(name, "values"),
        ),
    }


def table(name):
    """Outputs of a table: csv in the report, Markdown for readers."""
    return {
        "csv": report(
            f"<results>/tables/{name}.csv",
            caption=f"../report/{name}.rst",
            category=TABLES,
            labels=shown(name),
        ),
        "md": f"<results>/tables/{name}.md",
    }


def weights(wildcards):
    """What tells that a checkpoint is there: its file, or the receipt of fetching it."""
    return weights_of(wildcards.model)


def evaluator_weights(wildcards):
    """The same, of the model that is asked about another's cliffs."""
    return weights_of(wildcards.evaluator)


def weights_of(model):
    entry = MODELS[model]
    if "path" in entry:
        return f"{entry['path']}/model.safetensors"
    return f"resources/hub/models/{model}.json"


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
    return model_source(wildcards.model)


def pair_source(wildcards):
    """The same, of the model that owns the cliffs."""
    return model_source(wildcards.source)


def pair_evaluator(wildcards):
    """The same, of the model that is asked about them."""
    return model_source(wildcards.evaluator)


def model_source(model):
    entry = MODELS[model]
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


def kept_kinds(wildcards):
    """Kinds of cliffs that a catalogue holds: of the simulated one, those that train something."""
    return ["deterministic"] if wildcards.estimator == "simulated" else list(KINDS)


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


def work(purpose, answers, stages=(), rollouts=0, catalogues=1):
    """What cost.Work takes, for each data set and the answers to each of its problems."""
    return [
        {
            "purpose": purpose,
            "dataset": name,
            "expected": DATASETS[name].get("expected"),
            "answers": count,
            "stages": ["traces", *stages],
            "rollouts": rollouts,
            "catalogues": catalogues,
        }
        for name, count in answers.items()
        if count
    ]


def gpus(wildcards):
    """GPUs of a job that runs the model: none for the CPU engine."""
    return gpus_of(wildcards.model)


def evaluator_gpus(wildcards):
    """The same, for the model that is asked about another's cliffs."""
    return gpus_of(wildcards.evaluator)


def gpus_of(model):
    entry = MODELS[model]
    return entry.get("gpus", 1) if entry["engine"] == "vllm" else 0


if workflow.is_main_process and (none := unresolved(MODELS) + unresolved(DATASETS)):
    logger.warning(
        f"No commit is known of {', '.join(none)}: such a run can be planned, not started. "
        + hub.REMEDY
    )
