# Cliff tokens: which drops in potential are larger than rollout noise (paper, Section 3), and
# of which kind they are (paper, RQ2).


rule detect_cliffs:
    input:
        estimates="<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
        traces=measured_by("traces"),
        tokens=measured_by("tokens"),
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
        test=TEST,
        certain=lookup("taxonomy/certain", within=config),
        kinds=lambda wildcards: list(ESTIMATORS[wildcards.estimator].kinds),
        revision=REVISIONS["cliffs"],
    message:
        "Detecting cliff tokens of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/detect_cliffs.py"
