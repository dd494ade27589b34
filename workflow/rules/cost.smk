# Cost: what rollouts are going to take, from traces and their scores alone, and how well that
# agrees with what was drawn. No other target needs it; `snakemake --cores 2 cost` predicts.


rule cost:
    input:
        "<results>/tables/table_cost.csv",


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
        revision=REVISIONS["cost"],
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
        revision=REVISIONS["cost"],
    message:
        "Comparing the cost of the potential with its prediction"
    script:
        "../scripts/table_cost_used.py"
