# Audit of the published rule's cliffs: which are possible at all, which fresh rollouts confirm, and
# how many the rule would flag by chance (docs/estimators.md).


rule audit_cliffs:
    input:
        cliffs="<results>/cliffs/independent/{model}/{dataset}.parquet",
        potential="<measured>/potential/{model}/{dataset}.parquet",
        estimates="<measured>/estimates/independent/{model}/{dataset}.parquet",
        resampling="<results>/resampling/independent/{model}/{dataset}.parquet",
    output:
        audit="<results>/audit/{model}/{dataset}.parquet",
    log:
        "<logs>/audit_cliffs/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/audit_cliffs/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        test=TEST,
        revision=REVISIONS["audit"],
    message:
        "Auditing the cliffs of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/audit_cliffs.py"


rule table_audit:
    input:
        audit=collect("<results>/audit/{model}/{dataset}.parquet", **AXES),
        estimates=collect(
            "<measured>/estimates/independent/{model}/{dataset}.parquet", **AXES
        ),
        tokens=collect("<measured>/tokens/{model}/{dataset}.parquet", **AXES),
    output:
        csv=report(
            "<results>/tables/table_audit.csv",
            caption="../report/table_audit.rst",
            category=TABLES,
            labels=shown("table_audit"),
        ),
        md="<results>/tables/table_audit.md",
    log:
        "<logs>/table_audit.log",
    benchmark:
        "<benchmarks>/table_audit.jsonl"
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
        certain=lookup("taxonomy/certain", within=config),
        intervals=INTERVALS,
        models=lookup("models", within=config),
        revision=REVISIONS["summaries"],
    message:
        "Audit of the cliffs from independent rollouts"
    script:
        "../scripts/table_audit.py"


rule figure_audit:
    input:
        audit=collect("<results>/audit/{model}/{dataset}.parquet", **AXES),
    output:
        svg=report(
            "<results>/figures/figure_audit.svg",
            caption="../report/figure_audit.rst",
            category=FIGURES,
            labels=shown("figure_audit", "picture"),
        ),
        pdf="<results>/figures/figure_audit.pdf",
        csv=report(
            "<results>/figures/figure_audit.csv",
            caption="../report/figure_audit.rst",
            category=FIGURES,
            labels=shown("figure_audit", "values"),
        ),
    log:
        "<logs>/figure_audit.log",
    benchmark:
        "<benchmarks>/figure_audit.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        margin=lookup("cliffs/margin", within=config),
        models=lookup("models", within=config),
        revision=REVISIONS["figures"],
    message:
        "Drawing the drops of audited cliffs against their bound"
    script:
        "../scripts/figure_audit.py"
