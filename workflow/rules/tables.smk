# Tables of the paper: csv for machines and the report, Markdown for readers.


rule tables:
    input:
        collect(
            "<results>/tables/{table}.csv",
            table=[
                "table_accuracy",
                "table_taxonomy",
                "table_greedy_ratio",
                "table_entropy_by_greedy",
                "table_fixed_thresholds",
                "table_hazard",
                "table_temperature",
                "table_cut_points",
                "table_cut_point_settings",
                "table_greedy_replacement",
                "table_positions",
                "table_boundary",
            ],
        ),
        collect("<results>/tables/{table}.csv", table=PAIR_TABLES),
        collect("<results>/tables/table_{audit}.csv", audit=AUDITS),


use rule exhibit as table_accuracy with:
    input:
        traces=of_run("traces"),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_accuracy"),
    log:
        "<logs>/table_accuracy.log",
    benchmark:
        "<benchmarks>/table_accuracy.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Accuracy and cliffs per trace, by model and data set"


rule table_taxonomy:
    input:
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_taxonomy.csv",
            caption="../report/table_taxonomy.rst",
            category=TABLES,
            labels=shown("table_taxonomy"),
        ),
        md="<results>/tables/table_taxonomy.md",
    log:
        "<logs>/table_taxonomy.log",
    benchmark:
        "<benchmarks>/table_taxonomy.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Kinds among cliff tokens and among all tokens"
    script:
        "../scripts/table_taxonomy.py"


rule table_greedy_ratio:
    input:
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_greedy_ratio.csv",
            caption="../report/table_greedy_ratio.rst",
            category=TABLES,
            labels=shown("table_greedy_ratio"),
        ),
        md="<results>/tables/table_greedy_ratio.md",
    log:
        "<logs>/table_greedy_ratio.log",
    benchmark:
        "<benchmarks>/table_greedy_ratio.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Greedy tokens among cliff tokens and among all tokens"
    script:
        "../scripts/table_greedy_ratio.py"


rule table_entropy_by_greedy:
    input:
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_entropy_by_greedy.csv",
            caption="../report/table_entropy_by_greedy.rst",
            category=TABLES,
            labels=shown("table_entropy_by_greedy"),
        ),
        md="<results>/tables/table_entropy_by_greedy.md",
    log:
        "<logs>/table_entropy_by_greedy.log",
    benchmark:
        "<benchmarks>/table_entropy_by_greedy.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Entropy by greedy, cliff tokens against all tokens"
    script:
        "../scripts/table_entropy_by_greedy.py"


rule table_fixed_thresholds:
    input:
        estimates=collect(
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_fixed_thresholds.csv",
            caption="../report/table_fixed_thresholds.rst",
            category=TABLES,
            labels=shown("table_fixed_thresholds"),
        ),
        md="<results>/tables/table_fixed_thresholds.md",
    log:
        "<logs>/table_fixed_thresholds.log",
    benchmark:
        "<benchmarks>/table_fixed_thresholds.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        drops=lookup("cliffs/fixed_drops", within=config),
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "The published rule beside fixed thresholds"
    script:
        "../scripts/table_fixed_thresholds.py"


rule table_boundary:
    input:
        estimates=collect(
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_boundary.csv",
            caption="../report/table_boundary.rst",
            category=TABLES,
            labels=shown("table_boundary"),
        ),
        md="<results>/tables/table_boundary.md",
    log:
        "<logs>/table_boundary.log",
    benchmark:
        "<benchmarks>/table_boundary.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Traces that start at potential zero, and their cliffs"
    script:
        "../scripts/table_boundary.py"
