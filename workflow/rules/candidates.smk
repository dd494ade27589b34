# Candidates: the tokens that could stand in a cliff's place, and how much of the probability leads
# over the cliff (paper, RQ2).


rule list_candidates:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        traces="<measured>/traces/{model}/{dataset}.parquet",
        base=of_base(
            "shortlist/{estimator}/{model}/{dataset}.parquet", "candidates/top"
        ),
        weights=weights_of("model"),
    output:
        shortlist="<results>/shortlist/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/list_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/list_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("model"),
    params:
        source=source_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        top=config["candidates"]["top"],
        revision=REVISIONS["candidates"],
    message:
        "Listing the candidates at cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/list_candidates.py"


rule plan_candidates:
    input:
        shortlist="<results>/shortlist/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        branches=branches_to_reuse,
    output:
        plan="<results>/plans/candidates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rollouts=config["candidates"]["rollouts"],
        revision=REVISIONS["candidates"],
    message:
        "Planning rollouts after the candidates of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/plan_candidates.py"


rule join_candidates:
    input:
        shortlist="<results>/shortlist/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        branches=branches_to_reuse,
        plan="<results>/plans/candidates/{estimator}/{model}/{dataset}.parquet",
        rollouts=shards("candidates/{estimator}"),
    output:
        candidates="<results>/candidates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["candidates"],
    message:
        "Counting the rollouts after the candidates of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/join_candidates.py"


rule table_hazard:
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
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
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
            "<results>/tables/table_hazard.csv",
            caption="../report/table_hazard.rst",
            category=TABLES,
            labels=shown("table_hazard"),
        ),
        md="<results>/tables/table_hazard.md",
    log:
        "<logs>/table_hazard.log",
    benchmark:
        "<benchmarks>/table_hazard.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Weighing the candidates at cliffs"
    script:
        "../scripts/table_hazard.py"


rule table_temperature:
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
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_temperature.csv",
            caption="../report/table_temperature.rst",
            category=TABLES,
            labels=shown("table_temperature"),
        ),
        md="<results>/tables/table_temperature.md",
    log:
        "<logs>/table_temperature.log",
    benchmark:
        "<benchmarks>/table_temperature.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        temperatures=lookup("candidates/temperatures", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Drawing the next token at other temperatures"
    script:
        "../scripts/table_temperature.py"


rule figure_05_cliff_mass:
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
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        resampling=collect(
            "<results>/resampling/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_05_cliff_mass.svg",
            caption="../report/figure_05_cliff_mass.rst",
            category=FIGURES,
            labels=shown("figure_05_cliff_mass", "picture"),
        ),
        pdf="<results>/figures/figure_05_cliff_mass.pdf",
        csv=report(
            "<results>/figures/figure_05_cliff_mass.csv",
            caption="../report/figure_05_cliff_mass.rst",
            category=FIGURES,
            labels=shown("figure_05_cliff_mass", "values"),
        ),
    log:
        "<logs>/figure_05_cliff_mass.log",
    benchmark:
        "<benchmarks>/figure_05_cliff_mass.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        models=lookup("models", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 5: cliff mass by kind"
    script:
        "../scripts/figure_05_cliff_mass.py"


rule figure_06_recovery:
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
    output:
        svg=report(
            "<results>/figures/figure_06_recovery.svg",
            caption="../report/figure_06_recovery.rst",
            category=FIGURES,
            labels=shown("figure_06_recovery", "picture"),
        ),
        pdf="<results>/figures/figure_06_recovery.pdf",
        csv=report(
            "<results>/figures/figure_06_recovery.csv",
            caption="../report/figure_06_recovery.rst",
            category=FIGURES,
            labels=shown("figure_06_recovery", "values"),
        ),
    log:
        "<logs>/figure_06_recovery.log",
    benchmark:
        "<benchmarks>/figure_06_recovery.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 6: sampled against greedy token"
    script:
        "../scripts/figure_06_recovery.py"
