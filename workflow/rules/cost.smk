# Cost: what a run is going to take, from its plan alone; what rollouts are, from traces and their
# scores; and how well that agrees with what was drawn. No other target needs it:
# `snakemake --cores 1 cost_plan` predicts before anything has run, `cost` once there are traces.


POLICY_COUNT = len(TRAINED) * len(config["training"]["seeds"]) * (1 + len(VARIANTS))
AT_CLIFFS = ["resampling", "candidates"]
WORK = [
    # Both estimators stand side by side, whichever the run has.
    *work(
        "analysis",
        {name: len(MODELS) * SAMPLES[name] for name in config["datasets"]},
        ["independent", "recursive", *AT_CLIFFS, "cut_points"],
        config["potential"]["rollouts"],
        len({MAIN, *AUDITABLE}),
    ),
    *work(
        "training",
        {TRAINING_SET: len(TRAINED) * SAMPLES[TRAINING_SET]},
        ["independent", "recursive", *AT_CLIFFS],
        config["potential"]["rollouts"],
        len(CATALOGUES),  # at most: of the simulated one, one kind alone is resampled
    ),
    *work(
        "recount",
        {entry["dataset"]: POLICY_COUNT * entry["samples"] for entry in RECOUNTS},
        ["recursive"],
        config["evaluation"]["recount"]["rollouts"],
    ),
    # Greedily once, besides.
    *work(
        "evaluation",
        {
            entry["dataset"]: POLICY_COUNT * (1 + entry["samples"])
            for entry in BENCHMARKS
        },
    ),
]


rule cost_plan:
    input:
        "<results>/tables/table_cost_plan.csv",


rule cost:
    input:
        "<results>/tables/table_cost.csv",


rule table_cost_plan:
    output:
        csv=report(
            "<results>/tables/table_cost_plan.csv",
            caption="../report/table_cost_plan.rst",
            category=TABLES,
            labels=shown("table_cost_plan"),
        ),
        md="<results>/tables/table_cost_plan.md",
    log:
        "<logs>/table_cost_plan.log",
    benchmark:
        "<benchmarks>/table_cost_plan.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        works=WORK,
        limit=lookup("problems/limit", within=config),
        budget={
            "resampling": config["resampling"]["rollouts"],
            "candidates": config["candidates"]["rollouts"],
            "top": config["candidates"]["top"],
            "cut_points": config["cut_points"]["rollouts"],
        },
        assumed=lookup("cost/assumed", within=config),
        tokens_per_second=lookup("cost/tokens_per_second", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Predicting the cost of the run from its plan"
    script:
        "../scripts/table_cost_plan.py"


rule table_cost:
    input:
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_cost.csv",
            caption="../report/table_cost.rst",
            category=TABLES,
            labels=shown("table_cost"),
        ),
        md="<results>/tables/table_cost.md",
    log:
        "<logs>/table_cost.log",
    benchmark:
        "<benchmarks>/table_cost.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        tokens_per_second=lookup("cost/tokens_per_second", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Predicting the cost of the potential"
    script:
        "../scripts/table_cost.py"


rule table_cost_used:
    input:
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        counts=collect(
            "<results>/{counts}/{model}/{dataset}.parquet",
            counts=PREDICTED.values(),
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_cost_used.csv",
            caption="../report/table_cost_used.rst",
            category=TABLES,
            labels=shown("table_cost_used"),
        ),
        md="<results>/tables/table_cost_used.md",
    log:
        "<logs>/table_cost_used.log",
    benchmark:
        "<benchmarks>/table_cost_used.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        tokens_per_second=lookup("cost/tokens_per_second", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        estimators=list(PREDICTED),
        folders=list(PREDICTED.values()),
        revision=REVISIONS["summaries"],
    message:
        "Comparing the cost of the potential with its prediction"
    script:
        "../scripts/table_cost_used.py"
