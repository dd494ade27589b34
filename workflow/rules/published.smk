# The audit of published rollouts (config/rollouts.yaml, docs/audit.md): traces and counts of others
# are read, scored in one teacher-forced pass, and audited. Nothing is rolled out. The target
# `audit_published` is the default of a run that names them (config/published.yaml).


localrules:
    fetch_rollouts,


rule fetch_rollouts:
    output:
        receipt="resources/hub/rollouts/{release}.json",
    log:
        "<logs>/fetch_rollouts/{release}.log",
    benchmark:
        "<benchmarks>/fetch_rollouts/{release}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        repository=lookup("{release}/hub", within=ROLLOUT_CATALOGUE),
        commit=lookup("{release}/revision", within=ROLLOUT_CATALOGUE),
        sha256=recorded("datasets", ROLLOUT_CATALOGUE),
        revision=REVISIONS["hub"],
    message:
        "Fetching {params.repository}"
    script:
        "../scripts/fetch_problems.py"


rule import_rollouts:
    input:
        release=release_input,
        weights=weights_of("model"),
    output:
        problems="<results>/published/problems/{model}/{dataset}.parquet",
        traces="<results>/published/traces/{model}/{dataset}.parquet",
        potential="<results>/published/potential/{model}/{dataset}.parquet",
    log:
        "<logs>/import_rollouts/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/import_rollouts/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        release=RELEASE,
        file=released,
        opens=opens_of("model"),
        model="{model}",
        dataset="{dataset}",
        revision=REVISIONS["published"],
    message:
        "Reading published rollouts of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/import_rollouts.py"


rule score_published:
    input:
        traces="<results>/published/traces/{model}/{dataset}.parquet",
        weights=weights_of("model"),
    output:
        tokens="<results>/published/tokens/{model}/{dataset}.parquet",
    log:
        "<logs>/score_published/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/score_published/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=720,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        support=lookup("taxonomy/support", within=config),
        revision=REVISIONS["tokens"],
    message:
        "Scoring published traces of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/score_published.py"


rule audit_rollouts:
    input:
        traces="<results>/published/traces/{model}/{dataset}.parquet",
        potential="<results>/published/potential/{model}/{dataset}.parquet",
        tokens="<results>/published/tokens/{model}/{dataset}.parquet",
    output:
        estimates="<results>/published/estimates/{model}/{dataset}.parquet",
        audit="<results>/published/audit/{model}/{dataset}.parquet",
        pooled="<results>/published/pooled/{model}/{dataset}.parquet",
        runs="<results>/published/forced_runs/{model}/{dataset}.parquet",
    log:
        "<logs>/audit_rollouts/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/audit_rollouts/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        test=TEST,
        certain=lookup("taxonomy/certain", within=config),
        revision=REVISIONS["audit"],
    message:
        "Auditing published rollouts of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/audit_rollouts.py"


rule audit_published:
    input:
        exhibits_of("published"),
        "<results>/figures/figure_forced_runs.svg",
        "<results>/tables/table_forced_runs.csv",
