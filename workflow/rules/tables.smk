# Tables of the paper: csv for machines and the report, Markdown for readers.


rule tables:
    input:
        collect(
            "<results>/tables/{table}.csv",
            table=[
                "table_accuracy",
                "table_taxonomy",
                "table_greedy_ratio",
                "table_entropy_by_greedy",
                "table_fixed_thresholds",
                "table_hazard",
                "table_temperature",
                "table_cut_points",
                "table_cut_point_settings",
                "table_greedy_replacement",
                "table_positions",
                "table_boundary",
            ],
        ),
        collect("<results>/tables/{table}.csv", table=PAIR_TABLES),
        collect("<results>/tables/table_{audit}.csv", audit=AUDITS),


use rule exhibit as table_accuracy with:
    input:
        traces=of_run("traces"),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_accuracy"),
    log:
        "<logs>/table_accuracy.log",
    benchmark:
        "<benchmarks>/table_accuracy.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Accuracy and cliffs per trace, by model and data set"


use rule exhibit as table_fixed_thresholds with:
    input:
        estimates=of_run("estimates", MAIN),
        traces=of_run("traces"),
    output:
        **table("table_fixed_thresholds"),
    log:
        "<logs>/table_fixed_thresholds.log",
    benchmark:
        "<benchmarks>/table_fixed_thresholds.jsonl"
    params:
        drops=config["cliffs"]["fixed_drops"],
        test=TEST,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "The published rule beside fixed thresholds"


use rule exhibit as table_boundary with:
    input:
        estimates=of_run("estimates", MAIN),
        traces=of_run("traces"),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_boundary"),
    log:
        "<logs>/table_boundary.log",
    benchmark:
        "<benchmarks>/table_boundary.jsonl"
    params:
        rollouts=config["potential"]["rollouts"],
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Traces that start at potential zero, and their cliffs"


use rule exhibit as table_taxonomy with:
    input:
        tokens=of_run("tokens"),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run("traces"),
    output:
        **table("table_taxonomy"),
    log:
        "<logs>/table_taxonomy.log",
    benchmark:
        "<benchmarks>/table_taxonomy.jsonl"
    params:
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Kinds among cliff tokens and among all tokens"


use rule exhibit as table_greedy_ratio with:
    input:
        tokens=of_run("tokens"),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run("traces"),
    output:
        **table("table_greedy_ratio"),
    log:
        "<logs>/table_greedy_ratio.log",
    benchmark:
        "<benchmarks>/table_greedy_ratio.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Greedy tokens among cliff tokens and among all tokens"


use rule exhibit as table_entropy_by_greedy with:
    input:
        tokens=of_run("tokens"),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run("traces"),
    output:
        **table("table_entropy_by_greedy"),
    log:
        "<logs>/table_entropy_by_greedy.log",
    benchmark:
        "<benchmarks>/table_entropy_by_greedy.jsonl"
    params:
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Entropy by greedy, cliff tokens against all tokens"


use rule exhibit as table_hazard with:
    input:
        masses=of_run("masses", MAIN),
    output:
        **table("table_hazard"),
    log:
        "<logs>/table_hazard.log",
    benchmark:
        "<benchmarks>/table_hazard.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Weighing the candidates at cliffs"


use rule exhibit as table_temperature with:
    input:
        candidates=of_run("candidates", MAIN),
        members=of_run("members", MAIN),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_temperature"),
    log:
        "<logs>/table_temperature.log",
    benchmark:
        "<benchmarks>/table_temperature.jsonl"
    params:
        temperatures=config["candidates"]["temperatures"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing the next token at other temperatures"


use rule exhibit as table_agreement with:
    input:
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
        members=of_run("members", MAIN, SOURCES),
    output:
        **table("table_agreement"),
    log:
        "<logs>/table_agreement.log",
    benchmark:
        "<benchmarks>/table_agreement.jsonl"
    params:
        intervals=INTERVALS,
        pairs=config["agreement"]["pairs"],
    message:
        "Cliffs and controls in the eyes of another model"


use rule exhibit as table_audit with:
    input:
        audit=of_run("audit"),
        estimates=of_run("estimates", "independent"),
        tokens=of_run("tokens"),
        traces=of_run("traces"),
    output:
        **table("table_audit"),
    log:
        "<logs>/table_audit.log",
    benchmark:
        "<benchmarks>/table_audit.jsonl"
    params:
        rollouts=config["potential"]["rollouts"],
        test=TEST,
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Audit of the cliffs from independent rollouts"
