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


# Where the sampler had no choice, counts at successive prefixes are of one potential.
rule compare_forced_runs:
    input:
        potential="<measured>/potential/{model}/{dataset}.parquet",
        tokens="<measured>/subset/tokens/{model}/{dataset}.parquet",
        traces="<measured>/subset/traces/{model}/{dataset}.parquet",
    output:
        runs="<results>/forced_runs/{model}/{dataset}.parquet",
    log:
        "<logs>/compare_forced_runs/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/compare_forced_runs/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["audit"],
    message:
        "Comparing counts in forced runs of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/compare_forced_runs.py"
