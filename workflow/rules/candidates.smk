# Candidates: the tokens that could stand in a cliff's place, and how much of the probability leads
# over the cliff (paper, RQ2).


rule list_candidates:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        traces="<measured>/traces/{model}/{dataset}.parquet",
        base=of_base(
            "shortlist/{estimator}/{model}/{dataset}.parquet", "candidates/top"
        ),
        weights=weights_of("model"),
    output:
        shortlist="<results>/shortlist/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/list_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/list_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        top=config["candidates"]["top"],
        revision=REVISIONS["candidates"],
    message:
        "Listing the candidates at cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/list_candidates.py"


rule plan_candidates:
    input:
        shortlist="<results>/shortlist/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        branches=branches_to_reuse,
    output:
        plan="<results>/plans/candidates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rollouts=config["candidates"]["rollouts"],
        revision=REVISIONS["candidates"],
    message:
        "Planning rollouts after the candidates of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/plan_candidates.py"


rule join_candidates:
    input:
        shortlist="<results>/shortlist/{estimator}/{model}/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        branches=branches_to_reuse,
        plan="<results>/plans/candidates/{estimator}/{model}/{dataset}.parquet",
        rollouts=shards("candidates/{estimator}"),
    output:
        candidates="<results>/candidates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_candidates/{estimator}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["candidates"],
    message:
        "Counting the rollouts after the candidates of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/join_candidates.py"
