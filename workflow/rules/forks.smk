# Forks: tokens that are no cliffs, measured as cliffs are; pairs of theirs are the control of
# Cliff-DPO.


rule plan_forks:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        estimates="<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
        branches="<measured>/branches/recursive/{model}/{dataset}.parquet",
        tokens="<measured>/tokens/{model}/{dataset}.parquet",
        alternatives="<measured>/alternatives/{model}/{dataset}.parquet",
    output:
        plan="<results>/plans/forks/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_forks/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_forks/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=config["candidates"]["rollouts"],
        revision=REVISIONS["forks"],
    message:
        "Planning rollouts at forks of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/plan_forks.py"


rule join_forks:
    input:
        plan="<results>/plans/forks/{estimator}/{model}/{dataset}.parquet",
        rollouts=shards("forks/{estimator}"),
        tokens="<measured>/tokens/{model}/{dataset}.parquet",
    output:
        forks="<results>/forks/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_forks/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_forks/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["forks"],
    message:
        "Counting the rollouts at forks of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/join_forks.py"
