# Cut points: deletion at a cliff beside its rivals, on incorrect traces (paper, RQ1).


rule resample_cut_points:
    input:
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        problems="<results>/problems/{dataset}.parquet",
        weights=weights,
    output:
        cut_points="<results>/cut_points/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/resample_cut_points/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/resample_cut_points/{estimator}/{model}/{dataset}.jsonl"
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
        rules=CUT_RULES,
        rollouts=lookup("cut_points/rollouts", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["cut_points"],
    message:
        "Resampling the cut points of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/resample_cut_points.py"
