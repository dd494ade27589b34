# Exhibits: what figures and tables have in common. Each says for itself what it is made of.


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
        caption=captioned,
        revision=REVISIONS["exhibits"],
    script:
        "../scripts/exhibit.py"
