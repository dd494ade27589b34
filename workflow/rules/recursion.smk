# Potential by recursion: rollouts only where the sampler had a choice (docs/estimators.md). The
# plans differ in what they spend: recursive takes N, reference many times N, adaptive adds a
# second round to recursive.


rule plan_branches:
    input:
        tokens="<results>/tokens/{model}/{dataset}.parquet",
        alternatives="<results>/alternatives/{model}/{dataset}.parquet",
    output:
        plan="<results>/plans/{plan}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_branches/{plan}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_branches/{plan}/{model}/{dataset}.jsonl"
    wildcard_constraints:
        plan="recursive|reference",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        plan="{plan}",
        rollouts=lookup("{plan}", within=BRANCH_ROLLOUTS),
        seed=lookup("seed", within=config),
        revision=REVISIONS["recursion"],
    message:
        "Planning {wildcards.plan} branches of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/plan_branches.py"


rule plan_second_round:
    input:
        estimates="<results>/estimates/recursive/{model}/{dataset}.parquet",
        branches="<results>/branches/recursive/{model}/{dataset}.parquet",
        tokens="<results>/tokens/{model}/{dataset}.parquet",
        alternatives="<results>/alternatives/{model}/{dataset}.parquet",
    output:
        plan="<results>/plans/adaptive/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_second_round/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_second_round/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        second_round=lookup("potential/second_round", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["recursion"],
    message:
        "Planning a second round of branches of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/plan_second_round.py"


rule roll_out_branches:
    input:
        plan="<results>/plans/{plan}/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
        problems="<results>/problems/{dataset}.parquet",
        weights=weights,
    output:
        shard="<results>/branches/{plan}/{model}/{dataset}/shard-{shard}.parquet",
    log:
        "<logs>/roll_out_branches/{plan}/{model}/{dataset}/shard-{shard}.log",
    benchmark:
        "<benchmarks>/roll_out_branches/{plan}/{model}/{dataset}/shard-{shard}.jsonl"
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
        plan="{plan}",
        shard="{shard}",
        shards=lookup("potential/branch_shards", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["recursion"],
    message:
        "Rolling out {wildcards.plan} branches of {wildcards.model} on {wildcards.dataset}, shard {wildcards.shard}"
    script:
        "../scripts/roll_out_branches.py"


rule join_branches:
    input:
        shards=collect(
            "<results>/branches/{{plan}}/{{model}}/{{dataset}}/shard-{shard}.parquet",
            shard=BRANCH_SHARDS,
        ),
    output:
        branches="<results>/branches/{plan}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_branches/{plan}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_branches/{plan}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["recursion"],
    message:
        "Joining the {wildcards.plan} branches of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/join_branches.py"


rule estimate_recursive:
    input:
        branches=collect(
            "<results>/branches/{plan}/{{model}}/{{dataset}}.parquet",
            plan=lookup("{plan}", within=ROUNDS),
        ),
        tokens="<results>/tokens/{model}/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
    output:
        estimates="<results>/estimates/{plan}/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_recursive/{plan}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_recursive/{plan}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["recursion"],
    message:
        "Estimating the potential of {wildcards.model} on {wildcards.dataset} from {wildcards.plan} branches"
    script:
        "../scripts/estimate_recursive.py"
