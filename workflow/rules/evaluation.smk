# Evaluation: what Cliff-DPO did to accuracy and to the cliffs (paper, Cliff-DPO). A policy is a
# model with the adapter of one variant and training seed, or without one (base). One job takes a
# policy through all data sets, since opening a model takes longer than answering one of them.


rule evaluate_model:
    input:
        problems=collect("<measured>/problems/{dataset}.parquet", dataset=list(ASKED)),
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
        source=source_of("model"),
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
        source=source_of("model"),
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


rule table_dpo_accuracy:
    input:
        evaluation=collect(
            "<results>/evaluation/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
    output:
        csv=report(
            "<results>/tables/table_dpo_accuracy.csv",
            caption="../report/table_dpo_accuracy.rst",
            category=TABLES,
            labels=shown("table_dpo_accuracy"),
        ),
        md="<results>/tables/table_dpo_accuracy.md",
    log:
        "<logs>/table_dpo_accuracy.log",
    benchmark:
        "<benchmarks>/table_dpo_accuracy.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        domains=DOMAINS,
        revision=REVISIONS["summaries"],
    message:
        "Accuracy before and after Cliff-DPO"
    script:
        "../scripts/table_dpo_accuracy.py"


rule table_dpo_cliffs:
    input:
        recounts=collect(
            "<results>/recounts/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
    output:
        csv=report(
            "<results>/tables/table_dpo_cliffs.csv",
            caption="../report/table_dpo_cliffs.rst",
            category=TABLES,
            labels=shown("table_dpo_cliffs"),
        ),
        md="<results>/tables/table_dpo_cliffs.md",
    log:
        "<logs>/table_dpo_cliffs.log",
    benchmark:
        "<benchmarks>/table_dpo_cliffs.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        datasets=list(RECOUNTED),
        revision=REVISIONS["summaries"],
    message:
        "Cliffs before and after Cliff-DPO"
    script:
        "../scripts/table_dpo_cliffs.py"


rule table_dpo_cost:
    input:
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
        traces=collect(
            "<measured>/traces/{model}/{dataset}.parquet",
            model=ADAPTERS["model"],
            dataset=TRAINING_SET,
        ),
        tokens=collect(
            "<measured>/tokens/{model}/{dataset}.parquet",
            model=ADAPTERS["model"],
            dataset=TRAINING_SET,
        ),
        counts=collect(
            "<results>/{counts}/{model}/{dataset}.parquet",
            counts=COUNTS[config["training"]["estimator"]],
            model=ADAPTERS["model"],
            dataset=TRAINING_SET,
        ),
        candidates=collect(
            "<results>/candidates/{estimator}/{model}/{dataset}.parquet",
            estimator=CATALOGUES,
            model=ADAPTERS["model"],
            dataset=TRAINING_SET,
        ),
    output:
        csv=report(
            "<results>/tables/table_dpo_cost.csv",
            caption="../report/table_dpo_cost.rst",
            category=TABLES,
            labels=shown("table_dpo_cost"),
        ),
        md="<results>/tables/table_dpo_cost.md",
    log:
        "<logs>/table_dpo_cost.log",
    benchmark:
        "<benchmarks>/table_dpo_cost.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        estimator=lookup("training/estimator", within=config),
        folders=COUNTS[config["training"]["estimator"]],
        catalogues=CATALOGUES,
        models=TRAINED,
        variants=DETECTED_BY,
        revision=REVISIONS["summaries"],
    message:
        "Cost of Cliff-DPO and of finding its cliffs"
    script:
        "../scripts/table_dpo_cost.py"


rule figure_dpo_accuracy:
    input:
        evaluation=collect(
            "<results>/evaluation/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
    output:
        svg=report(
            "<results>/figures/figure_dpo_accuracy.svg",
            caption="../report/figure_dpo_accuracy.rst",
            category=FIGURES,
            labels=shown("figure_dpo_accuracy", "picture"),
        ),
        pdf="<results>/figures/figure_dpo_accuracy.pdf",
        csv=report(
            "<results>/figures/figure_dpo_accuracy.csv",
            caption="../report/figure_dpo_accuracy.rst",
            category=FIGURES,
            labels=shown("figure_dpo_accuracy", "values"),
        ),
    log:
        "<logs>/figure_dpo_accuracy.log",
    benchmark:
        "<benchmarks>/figure_dpo_accuracy.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        domains=DOMAINS,
        revision=REVISIONS["figures"],
    message:
        "Drawing the gain in accuracy after Cliff-DPO"
    script:
        "../scripts/figure_dpo_accuracy.py"


rule figure_dpo_positions:
    input:
        evaluation=collect(
            "<results>/evaluation/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
    output:
        svg=report(
            "<results>/figures/figure_dpo_positions.svg",
            caption="../report/figure_dpo_positions.rst",
            category=FIGURES,
            labels=shown("figure_dpo_positions", "picture"),
        ),
        pdf="<results>/figures/figure_dpo_positions.pdf",
        csv=report(
            "<results>/figures/figure_dpo_positions.csv",
            caption="../report/figure_dpo_positions.rst",
            category=FIGURES,
            labels=shown("figure_dpo_positions", "values"),
        ),
    log:
        "<logs>/figure_dpo_positions.log",
    benchmark:
        "<benchmarks>/figure_dpo_positions.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        domains=DOMAINS,
        revision=REVISIONS["figures"],
    message:
        "Drawing the gain in accuracy against loss positions"
    script:
        "../scripts/figure_dpo_positions.py"


rule figure_dpo_cliffs:
    input:
        recounts=collect(
            "<results>/recounts/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
    output:
        svg=report(
            "<results>/figures/figure_dpo_cliffs.svg",
            caption="../report/figure_dpo_cliffs.rst",
            category=FIGURES,
            labels=shown("figure_dpo_cliffs", "picture"),
        ),
        pdf="<results>/figures/figure_dpo_cliffs.pdf",
        csv=report(
            "<results>/figures/figure_dpo_cliffs.csv",
            caption="../report/figure_dpo_cliffs.rst",
            category=FIGURES,
            labels=shown("figure_dpo_cliffs", "values"),
        ),
    log:
        "<logs>/figure_dpo_cliffs.log",
    benchmark:
        "<benchmarks>/figure_dpo_cliffs.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        datasets=list(RECOUNTED),
        revision=REVISIONS["figures"],
    message:
        "Drawing cliffs per trace before and after Cliff-DPO"
    script:
        "../scripts/figure_dpo_cliffs.py"


rule figure_dpo_training:
    input:
        training=collect(
            "<results>/training/{model}/{variant}/seed-{seed}.parquet", **ADAPTERS
        ),
    output:
        svg=report(
            "<results>/figures/figure_dpo_training.svg",
            caption="../report/figure_dpo_training.rst",
            category=FIGURES,
            labels=shown("figure_dpo_training", "picture"),
        ),
        pdf="<results>/figures/figure_dpo_training.pdf",
        csv=report(
            "<results>/figures/figure_dpo_training.csv",
            caption="../report/figure_dpo_training.rst",
            category=FIGURES,
            labels=shown("figure_dpo_training", "values"),
        ),
    log:
        "<logs>/figure_dpo_training.log",
    benchmark:
        "<benchmarks>/figure_dpo_training.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        models=TRAINED,
        variants=VARIANTS,
        revision=REVISIONS["figures"],
    message:
        "Drawing the training curves of Cliff-DPO"
    script:
        "../scripts/figure_dpo_training.py"
