# Cut points: deletion at a cliff beside its rivals, on incorrect traces (paper, RQ1).


rule plan_cut_points:
    input:
        estimates="<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
        traces=measured_by("traces"),
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
