# Candidates: the tokens that could stand in a cliff's place, and how much of the probability leads
# over the cliff (paper, RQ2).


rule estimate_candidates:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
        problems="<results>/problems/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        branches=branches_to_reuse,
        weights=weights,
    output:
        candidates="<results>/candidates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=gpus,
    params:
        source=source,
        sampler=lookup("{model}/sampler", within=MODELS),
        top=lookup("candidates/top", within=config),
        rollouts=lookup("candidates/rollouts", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["candidates"],
    message:
        "Rolling out the candidates at cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/estimate_candidates.py"


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
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
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
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
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
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
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
