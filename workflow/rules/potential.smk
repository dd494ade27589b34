# Potential: the share of fresh rollouts from every prefix that end in the right answer
# (paper, Section 3). Shards are the unit of resumption; they do not change the result.


rule roll_out:
    input:
        traces="<results>/traces/{model}/{dataset}.parquet",
        problems="<results>/problems/{dataset}.parquet",
        weights=weights,
    output:
        shard="<results>/potential/{model}/{dataset}/shard-{shard}.parquet",
    log:
        "<logs>/roll_out/{model}/{dataset}/shard-{shard}.log",
    benchmark:
        "<benchmarks>/roll_out/{model}/{dataset}/shard-{shard}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
        gpu=gpus,
    params:
        source=source,
        sampler=lookup("{model}/sampler", within=MODELS),
        shard="{shard}",
        shards=lookup("potential/shards", within=config),
        rollouts=lookup("potential/rollouts", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["potential"],
    message:
        "Rolling out {wildcards.model} on {wildcards.dataset}, shard {wildcards.shard}"
    script:
        "../scripts/roll_out.py"


rule join_potential:
    input:
        shards=collect(
            "<results>/potential/{{model}}/{{dataset}}/shard-{shard}.parquet",
            shard=SHARDS,
        ),
    output:
        potential="<results>/potential/{model}/{dataset}.parquet",
    log:
        "<logs>/join_potential/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_potential/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["potential"],
    message:
        "Joining the potential of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/join_potential.py"


rule estimate_independent:
    input:
        potential="<results>/potential/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
    output:
        estimates="<results>/estimates/independent/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_independent/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_independent/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["potential"],
    message:
        "Estimating the potential of {wildcards.model} on {wildcards.dataset} from independent rollouts"
    script:
        "../scripts/estimate_independent.py"
