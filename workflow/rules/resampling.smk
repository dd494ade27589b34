# Resampling: delete or keep a cliff token, beside a matched control (paper, RQ1).


rule plan_resampling:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        estimates="<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
        tokens=measured_by("tokens"),
        traces=measured_by("traces"),
    output:
        plan="<results>/plans/resampling/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_resampling/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_resampling/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rollouts=config["resampling"]["rollouts"],
        revision=REVISIONS["resampling"],
    message:
        "Planning the arms of cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/plan_resampling.py"


rule join_resampling:
    input:
        plan="<results>/plans/resampling/{estimator}/{model}/{dataset}.parquet",
        rollouts=shards("resampling/{estimator}"),
    output:
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_resampling/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_resampling/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["resampling"],
    message:
        "Counting the arms of cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/join_resampling.py"
