# The trace explorer: every trace of the run in a folder that opens from disk (docs/explorer.md).


rule explorer:
    input:
        problems=collect("<measured>/problems/{dataset}.parquet", **AXES),
        traces=of_run("traces"),
        tokens=of_run("tokens"),
        alternatives=of_run("alternatives"),
        potential=counts_of(RUN_ESTIMATORS, "potential"),
        branches=counts_of(RUN_ESTIMATORS, "branches"),
        estimates=of_run("estimates", RUN_ESTIMATORS),
        cliffs=of_run("cliffs", RUN_ESTIMATORS),
        resampling=of_run("resampling", list(dict.fromkeys([MAIN, *AUDITED]))),
        candidates=of_run("candidates", MAIN),
        audit=of_run("audit") if AUDITED else [],
    output:
        explorer=report(
            directory("<results>/explorer"),
            htmlindex="index.html",
            caption="../report/explorer.rst",
            category=TRACES,
            labels={"shows": "Every trace, token by token"},
        ),
    log:
        "<logs>/explorer.log",
    benchmark:
        "<benchmarks>/explorer.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        run=config["run"],
        confidence=lookup("statistics/confidence", within=config),
        main=MAIN,
        revision=REVISIONS["explorer"],
    message:
        "Writing the explorer of traces"
    script:
        "../scripts/explorer.py"
