# Training: a LoRA adapter for each variant of the pairs and each seed (paper, Cliff-DPO). An
# interrupted job goes on from its last checkpoint, in the folder beside the adapter's.


rule dpo:
    input:
        collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
        exhibits_of("dpo") if TRAINED else [],


rule train_cliff_dpo:
    input:
        pairs="<results>/pairs/{model}/{variant}.parquet",
        weights=weights_of("model"),
    output:
        adapter=directory("<results>/adapters/{model}/{variant}/seed-{seed}"),
        training="<results>/training/{model}/{variant}/seed-{seed}.parquet",
    log:
        "<logs>/train_cliff_dpo/{model}/{variant}/seed-{seed}.log",
    benchmark:
        "<benchmarks>/train_cliff_dpo/{model}/{variant}/seed-{seed}.jsonl"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        variant="{variant}",
        seed="{seed}",
        recipe=lookup("training/recipe", within=config),
        revision=REVISIONS["training"],
    message:
        "Training {wildcards.model} on the pairs {wildcards.variant}, seed {wildcards.seed}"
    script:
        "../scripts/train_cliff_dpo.py"
