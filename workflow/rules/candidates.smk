# Candidates: the tokens that could stand in a cliff's place, and how much of the probability leads
# over the cliff (paper, RQ2).


rule estimate_candidates:
    input:
        cliffs="<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
        problems="<results>/problems/{dataset}.parquet",
        resampling="<results>/resampling/{estimator}/{model}/{dataset}.parquet",
        branches=branches_to_reuse,
        weights=weights,
    output:
        candidates="<results>/candidates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_candidates/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_candidates/{estimator}/{model}/{dataset}.jsonl"
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
        top=lookup("candidates/top", within=config),
        rollouts=lookup("candidates/rollouts", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["candidates"],
    message:
        "Rolling out the candidates at cliffs of {wildcards.model} on {wildcards.dataset} ({wildcards.estimator})"
    script:
        "../scripts/estimate_candidates.py"
