# Pairs: at each cliff of the training traces, tokens to prefer to the cliff token (paper, Cliff-DPO).


CLIFFS_OF = {
    variant: name or config["training"]["estimator"]
    for variant, name in CATALOGUES.items()
}


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
            "<measured>/estimates/{estimator}/{{model}}/{dataset}.parquet",
            estimator=lookup("{variant}", within=CLIFFS_OF),
            dataset=TRAINING_SET,
        ),
        resampling=collect(
            "<results>/resampling/{estimator}/{{model}}/{dataset}.parquet",
            estimator=lookup("{variant}", within=CLIFFS_OF),
            dataset=TRAINING_SET,
        ),
        tokens=collect(
            "<measured>/tokens/{{model}}/{dataset}.parquet", dataset=TRAINING_SET
        ),
        alternatives=collect(
            "<measured>/alternatives/{{model}}/{dataset}.parquet", dataset=TRAINING_SET
        ),
        traces=collect(
            "<measured>/traces/{{model}}/{dataset}.parquet", dataset=TRAINING_SET
        ),
        forks=forks_of_variant,
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
        test=TEST,
        certain=lookup("taxonomy/certain", within=config),
        top=lookup("training/top", within=config),
        chosen=lookup("training/chosen", within=config),
        weights=lookup("training/weights", within=config),
        held_out=lookup("training/held_out", within=config),
        matched=lookup("training/matched", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["pairs"],
    message:
        "Building the pairs of {wildcards.model}, variant {wildcards.variant}"
    script:
        "../scripts/build_pairs.py"


# The same at cliffs of the run's own data sets, for what trainings do where they did not look.
use rule build_pairs as build_unseen_pairs with:
    input:
        cliffs=of_unseen("cliffs", MAIN),
        candidates=of_unseen("candidates", MAIN),
        estimates=of_unseen("estimates", MAIN),
        resampling=of_unseen("resampling", MAIN),
        tokens=of_unseen("tokens"),
        alternatives=of_unseen("alternatives"),
        traces=of_unseen("traces"),
        forks=[],
    output:
        pairs="<results>/pairs/{model}/unseen.parquet",
    log:
        "<logs>/build_unseen_pairs/{model}.log",
    benchmark:
        "<benchmarks>/build_unseen_pairs/{model}.jsonl"
    params:
        variant="all",
        held_out=1.0,
        matched=None,
    message:
        "Building the pairs of {wildcards.model} at cliffs that nothing is trained on"
