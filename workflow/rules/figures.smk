# Figures of the paper: svg for the report, pdf for print, csv of the values shown.


# What every figure and table has; never run by itself. A figure or table names its inputs and params
# as its module in src/cliff_tokens/exhibits takes them.
rule exhibit:
    log:
        "<logs>/exhibit.log",
    group:
        "exhibits"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        revision=REVISIONS["exhibits"],
    script:
        "../scripts/exhibit.py"


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
                "figure_cut_points",
                "example_traces",
            ],
        ),
        collect("<results>/figures/{figure}.svg", figure=PAIR_FIGURES),
        collect("<results>/figures/figure_{audit}.svg", audit=AUDITS),


rule figure_01_decision_boundary:
    output:
        svg=report(
            "<results>/figures/figure_01_decision_boundary.svg",
            caption="../report/figure_01_decision_boundary.rst",
            category=FIGURES,
            labels=shown("figure_01_decision_boundary", "picture"),
        ),
        pdf="<results>/figures/figure_01_decision_boundary.pdf",
        csv=report(
            "<results>/figures/figure_01_decision_boundary.csv",
            caption="../report/figure_01_decision_boundary.rst",
            category=FIGURES,
            labels=shown("figure_01_decision_boundary", "values"),
        ),
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


use rule exhibit as figure_02_share_with_cliff with:
    input:
        traces=of_run("traces"),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_02_share_with_cliff"),
    log:
        "<logs>/figure_02_share_with_cliff.log",
    benchmark:
        "<benchmarks>/figure_02_share_with_cliff.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Drawing figure 2: share of traces with a cliff"


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
            category=FIGURES,
            labels=shown("figure_03_cliffs_per_trace", "picture"),
        ),
        pdf="<results>/figures/figure_03_cliffs_per_trace.pdf",
        csv=report(
            "<results>/figures/figure_03_cliffs_per_trace.csv",
            caption="../report/figure_03_cliffs_per_trace.rst",
            category=FIGURES,
            labels=shown("figure_03_cliffs_per_trace", "values"),
        ),
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
            category=FIGURES,
            labels=shown("figure_15_entropy_density", "picture"),
        ),
        pdf="<results>/figures/figure_15_entropy_density.pdf",
        csv=report(
            "<results>/figures/figure_15_entropy_density.csv",
            caption="../report/figure_15_entropy_density.rst",
            category=FIGURES,
            labels=shown("figure_15_entropy_density", "values"),
        ),
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
            category=FIGURES,
            labels=shown("figure_16_pass_at_k_incorrect", "picture"),
        ),
        pdf="<results>/figures/figure_16_pass_at_k_incorrect.pdf",
        csv=report(
            "<results>/figures/figure_16_pass_at_k_incorrect.csv",
            caption="../report/figure_16_pass_at_k_incorrect.rst",
            category=FIGURES,
            labels=shown("figure_16_pass_at_k_incorrect", "values"),
        ),
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
            category=FIGURES,
            labels=shown("figure_17_pass_at_k_correct", "picture"),
        ),
        pdf="<results>/figures/figure_17_pass_at_k_correct.pdf",
        csv=report(
            "<results>/figures/figure_17_pass_at_k_correct.csv",
            caption="../report/figure_17_pass_at_k_correct.rst",
            category=FIGURES,
            labels=shown("figure_17_pass_at_k_correct", "values"),
        ),
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
            category=FIGURES,
            labels=shown("example_traces", "picture"),
        ),
        pdf="<results>/figures/example_traces.pdf",
        csv=report(
            "<results>/figures/example_traces.csv",
            caption="../report/example_traces.rst",
            category=FIGURES,
            labels=shown("example_traces", "values"),
        ),
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
