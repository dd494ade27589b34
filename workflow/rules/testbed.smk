# The embedded testbed: train its models from scratch and compare them with those that are shipped.
# No other rule needs this one; `snakemake --cores 2 retrain` runs it (an hour on two cores).


TESTBED_LIMITS = {
    entry["generator"]: entry["max_tokens"]
    for entry in DATASET_CATALOGUE.values()
    # What is asked with worked examples is for pretrained models.
    if entry.get("split") == "test" and "generator" in entry and "shots" not in entry
}


rule retrain:
    input:
        collect("<results>/testbed/{checkpoint}/comparison.csv", checkpoint=TESTBED),


rule train_testbed:
    output:
        checkpoint=directory("<results>/testbed/{checkpoint}/checkpoint"),
        training="<results>/testbed/{checkpoint}/training.json",
    log:
        "<logs>/train_testbed/{checkpoint}.log",
    benchmark:
        "<benchmarks>/train_testbed/{checkpoint}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        recipe=lookup("{checkpoint}", within=TESTBED),
        revision=REVISIONS["testbed"],
    message:
        "Training {wildcards.checkpoint} from scratch"
    script:
        "../scripts/train_testbed.py"


rule measure_testbed:
    input:
        checkpoint="<results>/testbed/{checkpoint}/checkpoint",
        training="<results>/testbed/{checkpoint}/training.json",
    output:
        accuracy="<results>/testbed/{checkpoint}/accuracy.csv",
        card="<results>/testbed/{checkpoint}/README.md",
    log:
        "<logs>/measure_testbed/{checkpoint}.log",
    benchmark:
        "<benchmarks>/measure_testbed/{checkpoint}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        name="{checkpoint}",
        recipe=lookup("{checkpoint}", within=TESTBED),
        sampler=lookup("{checkpoint}/sampler", within=MODEL_CATALOGUE),
        limits=TESTBED_LIMITS,
        confidence=lookup("statistics/confidence", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["testbed"],
    message:
        "Measuring {wildcards.checkpoint} on the three benchmarks"
    script:
        "../scripts/measure_testbed.py"


rule compare_testbed:
    input:
        shipped=lookup("{checkpoint}/path", within=MODEL_CATALOGUE),
        checkpoint="<results>/testbed/{checkpoint}/checkpoint",
        accuracy="<results>/testbed/{checkpoint}/accuracy.csv",
    output:
        csv="<results>/testbed/{checkpoint}/comparison.csv",
        md="<results>/testbed/{checkpoint}/comparison.md",
    log:
        "<logs>/compare_testbed/{checkpoint}.log",
    benchmark:
        "<benchmarks>/compare_testbed/{checkpoint}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        sampler=lookup("{checkpoint}/sampler", within=MODEL_CATALOGUE),
        limits=TESTBED_LIMITS,
        confidence=lookup("statistics/confidence", within=config),
        seed=lookup("seed", within=config),
        revision=REVISIONS["testbed"],
    message:
        "Comparing the retrained {wildcards.checkpoint} with the shipped one"
    script:
        "../scripts/compare_testbed.py"
