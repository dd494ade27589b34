# temporary
from cliff_tokens.stages.taxonomy import KINDS

MARGINS = None
ESTS = RUN_ESTIMATORS
# Where the counts lie that each estimator is made of, first round first.
COUNTS = {
    "independent": ["potential"],
    "recursive": ["branches/recursive"],
    "adaptive": ["branches/recursive", "branches/adaptive"],
}
COUNTED = sorted({folder for estimator in SCORED for folder in COUNTS[estimator]})
# Cost is predicted but for the second round, which depends on what the first finds.
PREDICTED = {
    estimator: COUNTS[estimator][0]
    for estimator in ("independent", "recursive")
    if COUNTS[estimator][0] in COUNTED
}
# The audit is of cliffs from independent rollouts, which a run may leave out.
AUDITABLE = [estimator for estimator in ESTS if estimator == "independent"]
AUDITS = ["audit" for _ in AUDITABLE]

SOURCES_AXES = SOURCES
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
DPO_FIGURES = DPO_TABLES = []
if TRAINED:
    DPO_TABLES = ["table_dpo_accuracy", "table_dpo_cliffs", "table_dpo_cost"]
    DPO_FIGURES = [
        "figure_dpo_accuracy",
        "figure_dpo_positions",
        "figure_dpo_cliffs",
        "figure_dpo_training",
    ]

BENCHMARKS = [{"dataset": n, **q} for n, q in ASKED.items()]
RECOUNTS = [{"dataset": n, **q} for n, q in RECOUNTED.items()]
DETECTED_BY = {v: catalogue_of(v, config["training"]["estimator"]) for v in VARIANTS}
CATALOGUES = sorted({found for found in DETECTED_BY.values() if found})
CLIFFS_OF = {v: c or config["training"]["estimator"] for v, c in DETECTED_BY.items()}


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
