# Evaluation: what Cliff-DPO did to accuracy and to the cliffs (paper, Cliff-DPO). A policy is a
# model with the adapter of one variant and training seed, or without one (base). One job takes a
# policy through all data sets, since opening a model takes longer than answering one of them.


rule evaluate_model:
    input:
        problems=collect("<measured>/problems/{dataset}.parquet", dataset=list(ASKED)),
        trained_on=f"<measured>/problems/{TRAINING_SET}.parquet",
        adapter=adapter,
        weights=weights_of("model"),
    output:
        evaluation="<results>/evaluation/{model}/{variant}/seed-{seed}.parquet",
    log:
        "<logs>/evaluate_model/{model}/{variant}/seed-{seed}.log",
    benchmark:
        "<benchmarks>/evaluate_model/{model}/{variant}/seed-{seed}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        model="{model}",
        variant="{variant}",
        training_seed="{seed}",
        questions=ASKED,
        seed=lookup("seed", within=config),
        revision=REVISIONS["evaluation"],
    message:
        "Evaluating {wildcards.model}, variant {wildcards.variant}, seed {wildcards.seed}"
    script:
        "../scripts/evaluate_model.py"


# Traces, branches and cliffs of one policy in one job. Base is counted here too and not taken from
# the main run: before and after are measured alike.
rule recount_cliffs:
    input:
        problems=collect(
            "<measured>/problems/{dataset}.parquet", dataset=list(RECOUNTED)
        ),
        trained_on=f"<measured>/problems/{TRAINING_SET}.parquet",
        adapter=adapter,
        weights=weights_of("model"),
    output:
        recounts="<results>/recounts/{model}/{variant}/seed-{seed}.parquet",
    log:
        "<logs>/recount_cliffs/{model}/{variant}/seed-{seed}.log",
    benchmark:
        "<benchmarks>/recount_cliffs/{model}/{variant}/seed-{seed}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        model="{model}",
        variant="{variant}",
        training_seed="{seed}",
        questions=RECOUNTED,
        rollouts=lookup("evaluation/recount/rollouts", within=config),
        test=TEST,
        certain=lookup("taxonomy/certain", within=config),
        support=lookup("taxonomy/support", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["evaluation"],
    message:
        "Counting cliffs of {wildcards.model}, variant {wildcards.variant}, seed {wildcards.seed}"
    script:
        "../scripts/recount_cliffs.py"


# One job for all adapters of a model, which lie on one opening of it.
rule measure_shifts:
    input:
        cliffs=of_unseen("cliffs", MAIN),
        pairs="<results>/pairs/{model}/unseen.parquet",
        traces=of_unseen("traces"),
        adapters=collect(
            "<results>/adapters/{{model}}/{variant}/seed-{seed}",
            variant=VARIANTS,
            seed=config["training"]["seeds"],
        ),
        weights=weights_of("model"),
    output:
        shifts="<results>/shifts/{model}.parquet",
    log:
        "<logs>/measure_shifts/{model}.log",
    benchmark:
        "<benchmarks>/measure_shifts/{model}.jsonl"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        revision=REVISIONS["shifts"],
    message:
        "Measuring the adapters of {wildcards.model} at cliffs that nothing was trained on"
    script:
        "../scripts/measure_shifts.py"
