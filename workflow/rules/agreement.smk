# Agreement: the cliffs of one model, and matched controls, in the eyes of another (paper, RQ3).


rule score_agreement:
    input:
        cliffs="<results>/cliffs/{estimator}/{source}/{dataset}.parquet",
        candidates="<results>/candidates/{estimator}/{source}/{dataset}.parquet",
        traces="<measured>/traces/{source}/{dataset}.parquet",
        tokens="<measured>/tokens/{source}/{dataset}.parquet",
        weights=weights_of("evaluator"),
    output:
        agreement="<results>/agreement/{estimator}/{source}--{evaluator}/{dataset}.parquet",
    log:
        "<logs>/score_agreement/{estimator}/{source}--{evaluator}/{dataset}.log",
    benchmark:
        "<benchmarks>/score_agreement/{estimator}/{source}--{evaluator}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("evaluator"),
    params:
        source=source_of("source"),
        evaluator=source_of("evaluator"),
        sampler=lookup("{evaluator}/sampler", within=MODELS),
        context=lookup("{evaluator}/context", within=MODELS),
        certain=lookup("taxonomy/certain", within=config),
        revision=REVISIONS["agreement"],
    message:
        "Asking {wildcards.evaluator} about the cliffs of {wildcards.source} on {wildcards.dataset}"
    script:
        "../scripts/score_agreement.py"


rule table_agreement:
    input:
        agreement=collect(
            "<results>/agreement/{estimator}/{pair}/{dataset}.parquet",
            estimator=MAIN,
            **PAIRED,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        candidates=collect(
            "<results>/candidates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
    output:
        csv=report(
            "<results>/tables/table_agreement.csv",
            caption="../report/table_agreement.rst",
            category=TABLES,
            labels=shown("table_agreement"),
        ),
        md="<results>/tables/table_agreement.md",
    log:
        "<logs>/table_agreement.log",
    benchmark:
        "<benchmarks>/table_agreement.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        intervals=INTERVALS,
        pairs=lookup("agreement/pairs", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Cliffs and controls in the eyes of another model"
    script:
        "../scripts/table_agreement.py"


rule figure_04_cliff_mass_and_transfer:
    input:
        agreement=collect(
            "<results>/agreement/{estimator}/{pair}/{dataset}.parquet",
            estimator=MAIN,
            **PAIRED,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        candidates=collect(
            "<results>/candidates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        resampling=collect(
            "<results>/resampling/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_04_cliff_mass_and_transfer.svg",
            caption="../report/figure_04_cliff_mass_and_transfer.rst",
            category=FIGURES,
            labels=shown("figure_04_cliff_mass_and_transfer", "picture"),
        ),
        pdf="<results>/figures/figure_04_cliff_mass_and_transfer.pdf",
        csv=report(
            "<results>/figures/figure_04_cliff_mass_and_transfer.csv",
            caption="../report/figure_04_cliff_mass_and_transfer.rst",
            category=FIGURES,
            labels=shown("figure_04_cliff_mass_and_transfer", "values"),
        ),
    log:
        "<logs>/figure_04_cliff_mass_and_transfer.log",
    benchmark:
        "<benchmarks>/figure_04_cliff_mass_and_transfer.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        pairs=lookup("agreement/pairs", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 4: cliff mass and its transfer"
    script:
        "../scripts/figure_04_cliff_mass_and_transfer.py"


rule figure_11_delta_cpm:
    input:
        agreement=collect(
            "<results>/agreement/{estimator}/{pair}/{dataset}.parquet",
            estimator=MAIN,
            **PAIRED,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        candidates=collect(
            "<results>/candidates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
        estimates=collect(
            "<measured>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_11_delta_cpm.svg",
            caption="../report/figure_11_delta_cpm.rst",
            category=FIGURES,
            labels=shown("figure_11_delta_cpm", "picture"),
        ),
        pdf="<results>/figures/figure_11_delta_cpm.pdf",
        csv=report(
            "<results>/figures/figure_11_delta_cpm.csv",
            caption="../report/figure_11_delta_cpm.rst",
            category=FIGURES,
            labels=shown("figure_11_delta_cpm", "values"),
        ),
    log:
        "<logs>/figure_11_delta_cpm.log",
    benchmark:
        "<benchmarks>/figure_11_delta_cpm.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        pairs=lookup("agreement/pairs", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 11: change of the cliff mass between models"
    script:
        "../scripts/figure_11_delta_cpm.py"


rule figure_12_ranks_deterministic:
    input:
        agreement=collect(
            "<results>/agreement/{estimator}/{pair}/{dataset}.parquet",
            estimator=MAIN,
            **PAIRED,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_12_ranks_deterministic.svg",
            caption="../report/figure_12_ranks_deterministic.rst",
            category=FIGURES,
            labels=shown("figure_12_ranks_deterministic", "picture"),
        ),
        pdf="<results>/figures/figure_12_ranks_deterministic.pdf",
        csv=report(
            "<results>/figures/figure_12_ranks_deterministic.csv",
            caption="../report/figure_12_ranks_deterministic.rst",
            category=FIGURES,
            labels=shown("figure_12_ranks_deterministic", "values"),
        ),
    log:
        "<logs>/figure_12_ranks_deterministic.log",
    benchmark:
        "<benchmarks>/figure_12_ranks_deterministic.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        pairs=lookup("agreement/pairs", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 12: ranks of deterministic cliffs in both models"
    script:
        "../scripts/figure_12_ranks_deterministic.py"


rule figure_13_ranks_uncertain:
    input:
        agreement=collect(
            "<results>/agreement/{estimator}/{pair}/{dataset}.parquet",
            estimator=MAIN,
            **PAIRED,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_13_ranks_uncertain.svg",
            caption="../report/figure_13_ranks_uncertain.rst",
            category=FIGURES,
            labels=shown("figure_13_ranks_uncertain", "picture"),
        ),
        pdf="<results>/figures/figure_13_ranks_uncertain.pdf",
        csv=report(
            "<results>/figures/figure_13_ranks_uncertain.csv",
            caption="../report/figure_13_ranks_uncertain.rst",
            category=FIGURES,
            labels=shown("figure_13_ranks_uncertain", "values"),
        ),
    log:
        "<logs>/figure_13_ranks_uncertain.log",
    benchmark:
        "<benchmarks>/figure_13_ranks_uncertain.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        pairs=lookup("agreement/pairs", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 13: ranks of uncertain cliffs in both models"
    script:
        "../scripts/figure_13_ranks_uncertain.py"


rule figure_14_ranks_sampled_off:
    input:
        agreement=collect(
            "<results>/agreement/{estimator}/{pair}/{dataset}.parquet",
            estimator=MAIN,
            **PAIRED,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **SOURCES_AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_14_ranks_sampled_off.svg",
            caption="../report/figure_14_ranks_sampled_off.rst",
            category=FIGURES,
            labels=shown("figure_14_ranks_sampled_off", "picture"),
        ),
        pdf="<results>/figures/figure_14_ranks_sampled_off.pdf",
        csv=report(
            "<results>/figures/figure_14_ranks_sampled_off.csv",
            caption="../report/figure_14_ranks_sampled_off.rst",
            category=FIGURES,
            labels=shown("figure_14_ranks_sampled_off", "values"),
        ),
    log:
        "<logs>/figure_14_ranks_sampled_off.log",
    benchmark:
        "<benchmarks>/figure_14_ranks_sampled_off.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        pairs=lookup("agreement/pairs", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 14: ranks of sampled-off cliffs in both models"
    script:
        "../scripts/figure_14_ranks_sampled_off.py"
