# Masses: which candidates lead over a cliff, and how probable they are together (paper, RQ2).


rule weigh_candidates:
    input:
        candidates="<results>/candidates/{estimator}/{model}/{dataset}.parquet",
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        estimates="<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
    output:
        members="<results>/members/{estimator}/{model}/{dataset}.parquet",
        masses="<results>/masses/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/weigh_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/weigh_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        test=TEST,
        revision=REVISIONS["masses"],
    message:
        "Weighing the candidates of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/weigh_candidates.py"
