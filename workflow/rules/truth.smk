# Truth: estimators and catalogues against a reference with many times the rollouts
# (docs/estimators.md). No other target needs it; `snakemake --cores 2 truth` runs it.


rule truth:
    input:
        collect(
            "<results>/tables/{table}.csv",
            table=[
                "table_estimators",
                "table_truth",
                "table_simulation",
                "table_cost_used",
            ],
        ),
        "<results>/figures/figure_estimators.svg",


rule table_estimators:
    input:
        estimates=collect(
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=SCORED,
            **AXES,
        ),
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=SCORED,
            **AXES,
        ),
        counts=collect(
            "<results>/{counts}/{model}/{dataset}.parquet",
            counts=COUNTED,
            **AXES,
        ),
        reference=collect(
            "<results>/estimates/reference/{model}/{dataset}.parquet", **AXES
        ),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_estimators.csv",
            caption="../report/table_estimators.rst",
            category=TABLES,
            labels=shown("table_estimators"),
        ),
        md="<results>/tables/table_estimators.md",
    log:
        "<logs>/table_estimators.log",
    benchmark:
        "<benchmarks>/table_estimators.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        estimators=SCORED,
        counts={estimator: COUNTS[estimator] for estimator in SCORED},
        folders=COUNTED,
        margin=lookup("cliffs/margin", within=config),
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Error and cost of every estimator"
    script:
        "../scripts/table_estimators.py"


rule table_truth:
    input:
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=SCORED,
            **AXES,
        ),
        audit=collect(
            "<results>/{audit}/{model}/{dataset}.parquet",
            audit=AUDITS,
            **AXES,
        ),
        reference=collect(
            "<results>/estimates/reference/{model}/{dataset}.parquet", **AXES
        ),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_truth.csv",
            caption="../report/table_truth.rst",
            category=TABLES,
            labels=shown("table_truth"),
        ),
        md="<results>/tables/table_truth.md",
    log:
        "<logs>/table_truth.log",
    benchmark:
        "<benchmarks>/table_truth.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        estimators=SCORED,
        margin=lookup("cliffs/margin", within=config),
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Precision and recall of every catalogue of cliffs"
    script:
        "../scripts/table_truth.py"


rule table_simulation:
    input:
        cliffs=collect(
            "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
            estimator=AUDITABLE,
            **AXES,
        ),
        reference=collect(
            "<results>/estimates/reference/{model}/{dataset}.parquet", **AXES
        ),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_simulation.csv",
            caption="../report/table_simulation.rst",
            category=TABLES,
            labels=shown("table_simulation"),
        ),
        md="<results>/tables/table_simulation.md",
    log:
        "<logs>/table_simulation.log",
    benchmark:
        "<benchmarks>/table_simulation.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        rollouts=lookup("potential/rollouts", within=config),
        repetitions=lookup("truth/repetitions", within=config),
        margin=lookup("cliffs/margin", within=config),
        z=lookup("cliffs/z", within=config),
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Simulating the published protocol from the reference"
    script:
        "../scripts/table_simulation.py"


rule figure_estimators:
    input:
        estimates=collect(
            "<results>/estimates/{estimator}/{model}/{dataset}.parquet",
            estimator=SCORED,
            **AXES,
        ),
        counts=collect(
            "<results>/{counts}/{model}/{dataset}.parquet",
            counts=COUNTED,
            **AXES,
        ),
        reference=collect(
            "<results>/estimates/reference/{model}/{dataset}.parquet", **AXES
        ),
        branches=collect(
            "<results>/branches/reference/{model}/{dataset}.parquet", **AXES
        ),
        traces=collect("<results>/traces/{model}/{dataset}.parquet", **AXES),
        tokens=collect("<results>/tokens/{model}/{dataset}.parquet", **AXES),
        alternatives=collect("<results>/alternatives/{model}/{dataset}.parquet", **AXES),
    output:
        svg=report(
            "<results>/figures/figure_estimators.svg",
            caption="../report/figure_estimators.rst",
            category=FIGURES,
            labels=shown("figure_estimators", "picture"),
        ),
        pdf="<results>/figures/figure_estimators.pdf",
        csv=report(
            "<results>/figures/figure_estimators.csv",
            caption="../report/figure_estimators.rst",
            category=FIGURES,
            labels=shown("figure_estimators", "values"),
        ),
    log:
        "<logs>/figure_estimators.log",
    benchmark:
        "<benchmarks>/figure_estimators.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        estimators=SCORED,
        counts={estimator: COUNTS[estimator] for estimator in SCORED},
        folders=COUNTED,
        rollouts=lookup("potential/rollouts", within=config),
        seed=lookup("seed", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing error against cost"
    script:
        "../scripts/figure_estimators.py"
