# Traces: one sampled answer to each problem, and what the model thought at each token.


rule sample_traces:
    input:
        problems="<results>/problems/{dataset}.parquet",
        weights=weights_of("model"),
    output:
        traces="<results>/traces/{model}/{dataset}.parquet",
    log:
        "<logs>/sample_traces/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/sample_traces/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        model="{model}",
        questions=lookup("{dataset}", within=QUESTIONS),
        seed=lookup("seed", within=config),
        revision=REVISIONS["traces"],
    message:
        "Sampling traces of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/sample_traces.py"


# One teacher-forced pass: log-probability, rank, entropy and sampler probability of each token.
rule score_tokens:
    input:
        traces="<results>/traces/{model}/{dataset}.parquet",
        weights=weights_of("model"),
    output:
        tokens="<results>/tokens/{model}/{dataset}.parquet",
        alternatives="<results>/alternatives/{model}/{dataset}.parquet",
    log:
        "<logs>/score_tokens/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/score_tokens/{model}/{dataset}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus_of("model"),
    params:
        opens=opens_of("model"),
        sampler=lookup("{model}/sampler", within=MODELS),
        support=lookup("taxonomy/support", within=config),
        revision=REVISIONS["tokens"],
    message:
        "Scoring the tokens of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/score_tokens.py"
