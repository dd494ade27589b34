# Agreement: how probable another model finds a model's cliff tokens and their matched controls
# (paper, RQ3).


rule score_agreement:
    input:
        cliffs="<results>/cliffs/{estimator}/{source}/{dataset}.parquet",
        candidates="<results>/candidates/{estimator}/{source}/{dataset}.parquet",
        traces="<measured>/traces/{source}/{dataset}.parquet",
        tokens="<measured>/tokens/{source}/{dataset}.parquet",
        weights=weights_of("evaluator"),
    output:
        agreement="<results>/agreement/{estimator}/{source}--{evaluator}/{dataset}.parquet",
    log:
        "<logs>/score_agreement/{estimator}/{source}--{evaluator}/{dataset}.log",
    benchmark:
        "<benchmarks>/score_agreement/{estimator}/{source}--{evaluator}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("evaluator"),
    params:
        opens=opens_of("evaluator"),
        source_opens=opens_of("source"),
        sampler=lookup("{evaluator}/sampler", within=MODELS),
        context=lookup("{evaluator}/context", within=MODELS),
        certain=lookup("taxonomy/certain", within=config),
        revision=REVISIONS["agreement"],
    message:
        "Asking {wildcards.evaluator} about the cliffs of {wildcards.source} on {wildcards.dataset}"
    script:
        "../scripts/score_agreement.py"
