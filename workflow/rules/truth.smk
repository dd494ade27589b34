# Truth: estimators and catalogues against a reference with many times the rollouts
# (docs/estimators.md). No other target needs it; `snakemake --cores 2 truth` runs it.


rule truth:
    input:
        exhibits_of("truth"),


rule simulate_passes:
    input:
        reference="<measured>/estimates/reference/{model}/{dataset}.parquet",
        branches="<measured>/branches/reference/{model}/{dataset}.parquet",
        traces="<measured>/subset/traces/{model}/{dataset}.parquet",
        tokens="<measured>/subset/tokens/{model}/{dataset}.parquet",
        alternatives="<measured>/alternatives/{model}/{dataset}.parquet",
    output:
        flags="<results>/simulated_flags/{model}/{dataset}.parquet",
        errors="<results>/simulated_errors/{model}/{dataset}.parquet",
    log:
        "<logs>/simulate_passes/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/simulate_passes/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        protocol=PROTOCOL,
        fresh=config["resampling"]["rollouts"],
        repetitions=config["truth"]["repetitions"],
        test=TEST,
        seed=config["seed"],
        revision=REVISIONS["simulation"],
    message:
        "Simulating every estimator on traces of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/simulate_passes.py"
