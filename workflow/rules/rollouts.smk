# Rollouts: what a plan asks for is drawn in one way, whatever it is for. Shards are the unit of
# resumption and of parallel jobs; they do not change the result.


rule roll_out:
    input:
        plan="<results>/plans/{draws}/{model}/{dataset}.parquet",
        traces="<measured>/traces/{model}/{dataset}.parquet",
        problems="<measured>/problems/{dataset}.parquet",
        base_plan=of_base("plans/{draws}/{model}/{dataset}.parquet"),
        base_rollouts=of_base("rollouts/{draws}/{model}/{dataset}/shard-*.parquet"),
        weights=weights_of("model"),
    output:
        rollouts="<results>/rollouts/{draws}/{model}/{dataset}/shard-{shard}.parquet",
    log:
        "<logs>/roll_out/{draws}/{model}/{dataset}/shard-{shard}.log",
    benchmark:
        "<benchmarks>/roll_out/{draws}/{model}/{dataset}/shard-{shard}.jsonl"
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
        draws="{draws}",
        shard="{shard}",
        shards=lambda wildcards: shards_of(wildcards.draws),
        seed=config["seed"],
        revision=lambda wildcards: REVISIONS[stage_of(wildcards.draws)],
    message:
        "Rolling out {wildcards.draws} of {wildcards.model} on {wildcards.dataset}, shard {wildcards.shard}"
    script:
        "../scripts/roll_out.py"
