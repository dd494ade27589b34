# Cliff tokens: which drops in potential are larger than rollout noise (paper, Section 3), and
# of which kind they are (paper, RQ2).


rule detect_cliffs:
    input:
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
        tokens="<results>/tokens/{model}/{dataset}.parquet",
    output:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/detect_cliffs/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/detect_cliffs/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        certain=lookup("taxonomy/certain", within=config),
        kinds=kept_kinds,
        revision=REVISIONS["cliffs"],
    message:
        "Detecting cliff tokens of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/detect_cliffs.py"
