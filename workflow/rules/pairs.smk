# Pairs: at each cliff of the training traces, tokens to prefer to the cliff token (paper, Cliff-DPO).


# The published rule's catalogue on the training traces, at no rollout's cost: counts from a binomial
# at the recursion's potential. It is where deterministic cliffs come from, which are false flags.
rule simulate_published:
    input:
        estimates="<results>/estimates/recursive/{model}/{dataset}.parquet",
    output:
        estimates="<results>/estimates/simulated/{model}/{dataset}.parquet",
    log:
        "<logs>/simulate_published/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/simulate_published/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["pairs"],
    message:
        "Simulating the published protocol on traces of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/simulate_published.py"


rule build_pairs:
    input:
        cliffs=collect(
            "<results>/cliffs/{estimator}/{{model}}/{dataset}.parquet",
            estimator=lookup("{variant}", within=CLIFFS_OF),
            dataset=TRAINING_SET,
        ),
        candidates=collect(
            "<results>/candidates/{estimator}/{{model}}/{dataset}.parquet",
            estimator=lookup("{variant}", within=CLIFFS_OF),
            dataset=TRAINING_SET,
        ),
        estimates=collect(
            "<results>/estimates/{estimator}/{{model}}/{dataset}.parquet",
            estimator=lookup("{variant}", within=CLIFFS_OF),
            dataset=TRAINING_SET,
        ),
        resampling=collect(
            "<results>/resampling/{estimator}/{{model}}/{dataset}.parquet",
            estimator=lookup("{variant}", within=CLIFFS_OF),
            dataset=TRAINING_SET,
        ),
        tokens=collect(
            "<results>/tokens/{{model}}/{dataset}.parquet", dataset=TRAINING_SET
        ),
        alternatives=collect(
            "<results>/alternatives/{{model}}/{dataset}.parquet", dataset=TRAINING_SET
        ),
        traces=collect(
            "<results>/traces/{{model}}/{dataset}.parquet", dataset=TRAINING_SET
        ),
    output:
        pairs="<results>/pairs/{model}/{variant}.parquet",
    log:
        "<logs>/build_pairs/{model}/{variant}.log",
    benchmark:
        "<benchmarks>/build_pairs/{model}/{variant}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        variant="{variant}",
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        certain=lookup("taxonomy/certain", within=config),
        top=lookup("training/top", within=config),
        chosen=lookup("training/chosen", within=config),
        weights=lookup("training/weights", within=config),
        held_out=lookup("training/held_out", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["pairs"],
    message:
        "Building the pairs of {wildcards.model}, variant {wildcards.variant}"
    script:
        "../scripts/build_pairs.py"
