# Problems: which questions are asked, and their gold answers (paper, Section 4).


rule select_problems:
    input:
        origin=origin,
    output:
        problems="<results>/problems/{dataset}.parquet",
        dropped="<results>/dropped/{dataset}.parquet",
    log:
        "<logs>/select_problems/{dataset}.log",
    benchmark:
        "<benchmarks>/select_problems/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        dataset="{dataset}",
        entry=lookup("{dataset}", within=DATASETS),
        limit=lookup("problems/limit", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["problems"],
    message:
        "Selecting the problems of {wildcards.dataset}"
    script:
        "../scripts/select_problems.py"
