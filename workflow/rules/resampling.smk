# Resampling: delete or keep a cliff token, beside a matched control (paper, RQ1).


rule resample_cliffs:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
        tokens="<results>/tokens/{model}/{dataset}.parquet",
        problems="<results>/problems/{dataset}.parquet",
        weights=weights,
    output:
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/resample_cliffs/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/resample_cliffs/{estimator}/{model}/{dataset}.jsonl"
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
        rollouts=lookup("resampling/rollouts", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["resampling"],
    message:
        "Resampling the cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/resample_cliffs.py"
