# Cut points: deletion at a cliff beside its rivals, on incorrect traces (paper, RQ1).


rule plan_cut_points:
    input:
        estimates="<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
        traces="<measured>/traces/{model}/{dataset}.parquet",
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
    output:
        cuts="<results>/cuts/{estimator}/{model}/{dataset}.parquet",
        plan="<results>/plans/cut_points/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_cut_points/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_cut_points/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rules=CUT_RULES,
        rollouts=config["cut_points"]["rollouts"],
        seed=config["seed"],
        revision=REVISIONS["cut_points"],
    message:
        "Planning the cut points of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/plan_cut_points.py"


rule join_cut_points:
    input:
        cuts="<results>/cuts/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        plan="<results>/plans/cut_points/{estimator}/{model}/{dataset}.parquet",
        rollouts=shards("cut_points/{estimator}"),
    output:
        cut_points="<results>/cut_points/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_cut_points/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_cut_points/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["cut_points"],
    message:
        "Counting the rollouts from cut points of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/join_cut_points.py"


rule table_cut_points:
    input:
        cut_points=collect(
            "<results>/cut_points/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        traces=collect("<measured>/traces/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_cut_points.csv",
            caption="../report/table_cut_points.rst",
            category=TABLES,
            labels=shown("table_cut_points"),
        ),
        md="<results>/tables/table_cut_points.md",
    log:
        "<logs>/table_cut_points.log",
    benchmark:
        "<benchmarks>/table_cut_points.jsonl"
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
        "pass@k by cut point, as published and fair"
    script:
        "../scripts/table_cut_points.py"


rule table_cut_point_settings:
    input:
        cut_points=collect(
            "<results>/cut_points/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        traces=collect("<measured>/traces/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_cut_point_settings.csv",
            caption="../report/table_cut_point_settings.rst",
            category=TABLES,
            labels=shown("table_cut_point_settings"),
        ),
        md="<results>/tables/table_cut_point_settings.md",
    log:
        "<logs>/table_cut_point_settings.log",
    benchmark:
        "<benchmarks>/table_cut_point_settings.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Settings in which deletion at the cliff beats its rivals"
    script:
        "../scripts/table_cut_point_settings.py"


rule table_greedy_replacement:
    input:
        candidates=collect(
            "<results>/candidates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        resampling=collect(
            "<results>/resampling/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_greedy_replacement.csv",
            caption="../report/table_greedy_replacement.rst",
            category=TABLES,
            labels=shown("table_greedy_replacement"),
        ),
        md="<results>/tables/table_greedy_replacement.md",
    log:
        "<logs>/table_greedy_replacement.log",
    benchmark:
        "<benchmarks>/table_greedy_replacement.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        shortfall=lookup("cut_points/shortfall", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "The greedy token in the place of cliff tokens"
    script:
        "../scripts/table_greedy_replacement.py"


rule table_positions:
    input:
        cut_points=collect(
            "<results>/cut_points/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        traces=collect("<measured>/traces/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_positions.csv",
            caption="../report/table_positions.rst",
            category=TABLES,
            labels=shown("table_positions"),
        ),
        md="<results>/tables/table_positions.md",
    log:
        "<logs>/table_positions.log",
    benchmark:
        "<benchmarks>/table_positions.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rules=CUT_RULES,
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Positions of cliffs, critical tokens and tangents"
    script:
        "../scripts/table_positions.py"


rule figure_cut_points:
    input:
        cut_points=collect(
            "<results>/cut_points/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        traces=collect("<measured>/traces/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_cut_points.svg",
            caption="../report/figure_cut_points.rst",
            category=FIGURES,
            labels=shown("figure_cut_points", "picture"),
        ),
        pdf="<results>/figures/figure_cut_points.pdf",
        csv=report(
            "<results>/figures/figure_cut_points.csv",
            caption="../report/figure_cut_points.rst",
            category=FIGURES,
            labels=shown("figure_cut_points", "values"),
        ),
    log:
        "<logs>/figure_cut_points.log",
    benchmark:
        "<benchmarks>/figure_cut_points.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rules=CUT_RULES,
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing deletion at the cliff and at other cut points"
    script:
        "../scripts/figure_cut_points.py"
