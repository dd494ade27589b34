# Figures of the paper: svg for the report, pdf for print, csv of the values shown.


rule figures:
    input:
        collect(
            "<results>/figures/{figure}.svg",
            figure=[
                "figure_01_decision_boundary",
                "figure_02_share_with_cliff",
                "figure_03_cliffs_per_trace",
                "figure_05_cliff_mass",
                "figure_06_recovery",
                "figure_15_entropy_density",
                "figure_16_pass_at_k_incorrect",
                "figure_17_pass_at_k_correct",
                "example_traces",
            ],
        ),
        collect("<results>/figures/figure_{audit}.svg", audit=AUDITS),


rule figure_01_decision_boundary:
    output:
        svg=report(
            "<results>/figures/figure_01_decision_boundary.svg",
            caption="../report/figure_01_decision_boundary.rst",
            category="Figures",
            labels={"figure": "1", "shows": "Decision boundary of the rule"},
        ),
        pdf="<results>/figures/figure_01_decision_boundary.pdf",
        csv="<results>/figures/figure_01_decision_boundary.csv",
    log:
        "<logs>/figure_01_decision_boundary.log",
    benchmark:
        "<benchmarks>/figure_01_decision_boundary.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 1: decision boundary of the rule"
    script:
        "../scripts/figure_01_decision_boundary.py"


rule figure_02_share_with_cliff:
    input:
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_02_share_with_cliff.svg",
            caption="../report/figure_02_share_with_cliff.rst",
            category="Figures",
            labels={"figure": "2", "shows": "Share of traces with a cliff"},
        ),
        pdf="<results>/figures/figure_02_share_with_cliff.pdf",
        csv="<results>/figures/figure_02_share_with_cliff.csv",
    log:
        "<logs>/figure_02_share_with_cliff.log",
    benchmark:
        "<benchmarks>/figure_02_share_with_cliff.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 2: share of traces with a cliff"
    script:
        "../scripts/figure_02_share_with_cliff.py"


rule figure_03_cliffs_per_trace:
    input:
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_03_cliffs_per_trace.svg",
            caption="../report/figure_03_cliffs_per_trace.rst",
            category="Figures",
            labels={"figure": "3", "shows": "Cliffs per trace"},
        ),
        pdf="<results>/figures/figure_03_cliffs_per_trace.pdf",
        csv="<results>/figures/figure_03_cliffs_per_trace.csv",
    log:
        "<logs>/figure_03_cliffs_per_trace.log",
    benchmark:
        "<benchmarks>/figure_03_cliffs_per_trace.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 3: cliffs per trace"
    script:
        "../scripts/figure_03_cliffs_per_trace.py"


rule figure_15_entropy_density:
    input:
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_15_entropy_density.svg",
            caption="../report/figure_15_entropy_density.rst",
            category="Figures",
            labels={
                "figure": "15",
                "shows": "Entropy of cliff tokens and of all tokens",
            },
        ),
        pdf="<results>/figures/figure_15_entropy_density.pdf",
        csv="<results>/figures/figure_15_entropy_density.csv",
    log:
        "<logs>/figure_15_entropy_density.log",
    benchmark:
        "<benchmarks>/figure_15_entropy_density.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 15: entropy of cliff tokens and of all tokens"
    script:
        "../scripts/figure_15_entropy_density.py"


rule figure_16_pass_at_k_incorrect:
    input:
        resampling=collect(
            "<results>/resampling/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_16_pass_at_k_incorrect.svg",
            caption="../report/figure_16_pass_at_k_incorrect.rst",
            category="Figures",
            labels={
                "figure": "16",
                "shows": "Delete, keep and control: incorrect traces",
            },
        ),
        pdf="<results>/figures/figure_16_pass_at_k_incorrect.pdf",
        csv="<results>/figures/figure_16_pass_at_k_incorrect.csv",
    log:
        "<logs>/figure_16_pass_at_k_incorrect.log",
    benchmark:
        "<benchmarks>/figure_16_pass_at_k_incorrect.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 16: delete, keep and control: incorrect traces"
    script:
        "../scripts/figure_16_pass_at_k_incorrect.py"


rule figure_17_pass_at_k_correct:
    input:
        resampling=collect(
            "<results>/resampling/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/figure_17_pass_at_k_correct.svg",
            caption="../report/figure_17_pass_at_k_correct.rst",
            category="Figures",
            labels={
                "figure": "17",
                "shows": "Delete, keep and control: correct traces",
            },
        ),
        pdf="<results>/figures/figure_17_pass_at_k_correct.pdf",
        csv="<results>/figures/figure_17_pass_at_k_correct.csv",
    log:
        "<logs>/figure_17_pass_at_k_correct.log",
    benchmark:
        "<benchmarks>/figure_17_pass_at_k_correct.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        intervals=INTERVALS,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing figure 17: delete, keep and control: correct traces"
    script:
        "../scripts/figure_17_pass_at_k_correct.py"


rule example_traces:
    input:
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        estimates=collect(
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=MAIN,
            **AXES,
        ),
    output:
        svg=report(
            "<results>/figures/example_traces.svg",
            caption="../report/example_traces.rst",
            category="Figures",
            labels={"shows": "Example traces"},
        ),
        pdf="<results>/figures/example_traces.pdf",
        csv="<results>/figures/example_traces.csv",
    log:
        "<logs>/example_traces.log",
    benchmark:
        "<benchmarks>/example_traces.jsonl"
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
        examples=lookup("examples", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing example traces"
    script:
        "../scripts/example_traces.py"
