# Tables of the paper: csv for machines and the report, Markdown for readers.


rule tables:
    input:
        collect(
            "<results>/tables/{table}.csv",
            table=paper_index.exhibits(PAPER_INDEX, "table", HAVE),
        ),


use rule exhibit as table_problems with:
    input:
        problems=collect("<measured>/problems/{dataset}.parquet", dataset=SELECTED),
        dropped=collect("<measured>/dropped/{dataset}.parquet", dataset=SELECTED),
    output:
        **table("table_problems"),
    log:
        "<logs>/table_problems.log",
    benchmark:
        "<benchmarks>/table_problems.jsonl"
    params:
        sources={
            name: {
                "origin": catalogue.origin(DATASETS[name]),
                "license": DATASETS[name]["license"],
            }
            for name in SELECTED
        },
    message:
        "Problems that are asked and dropped, by data set"


use rule exhibit as table_accuracy with:
    input:
        traces=of_run(covered("traces", MAIN)),
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


use rule exhibit as table_cliffs with:
    input:
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
        tokens=of_run("tokens"),
    output:
        **table("table_cliffs"),
    log:
        "<logs>/table_cliffs.log",
    benchmark:
        "<benchmarks>/table_cliffs.jsonl"
    params:
        test=TEST,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Every cliff of the run"


use rule exhibit as table_fixed_thresholds with:
    input:
        estimates=of_run("estimates", MAIN),
        traces=of_run(covered("traces", MAIN)),
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
        traces=of_run(covered("traces", MAIN)),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_boundary"),
    log:
        "<logs>/table_boundary.log",
    benchmark:
        "<benchmarks>/table_boundary.jsonl"
    params:
        estimator=MAIN,
        protocol=PROTOCOL,
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Traces that start at potential zero, and their cliffs"


use rule exhibit as table_first_cliff with:
    input:
        resampling=of_run("resampling", MAIN),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_first_cliff"),
    log:
        "<logs>/table_first_cliff.log",
    benchmark:
        "<benchmarks>/table_first_cliff.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "pass@k around the first cliff of incorrect traces"


use rule exhibit as table_cut_points with:
    input:
        cut_points=of_run("cut_points", MAIN),
        estimates=of_run("estimates", MAIN),
        traces=of_run(covered("traces", MAIN)),
    output:
        **table("table_cut_points"),
    log:
        "<logs>/table_cut_points.log",
    benchmark:
        "<benchmarks>/table_cut_points.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
    message:
        "pass@k by cut point, as published and fair"


use rule exhibit as table_cut_point_settings with:
    input:
        cut_points=of_run("cut_points", MAIN),
        traces=of_run(covered("traces", MAIN)),
    output:
        **table("table_cut_point_settings"),
    log:
        "<logs>/table_cut_point_settings.log",
    benchmark:
        "<benchmarks>/table_cut_point_settings.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Settings in which deletion at the cliff beats its rivals"


use rule exhibit as table_greedy_replacement with:
    input:
        candidates=of_run("candidates", MAIN),
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
    output:
        **table("table_greedy_replacement"),
    log:
        "<logs>/table_greedy_replacement.log",
    benchmark:
        "<benchmarks>/table_greedy_replacement.jsonl"
    params:
        shortfall=config["cut_points"]["shortfall"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "The greedy token in the place of cliff tokens"


use rule exhibit as table_positions with:
    input:
        cut_points=of_run("cut_points", MAIN),
        estimates=of_run("estimates", MAIN),
        traces=of_run(covered("traces", MAIN)),
        cliffs=of_run("cliffs", MAIN),
    output:
        **table("table_positions"),
    log:
        "<logs>/table_positions.log",
    benchmark:
        "<benchmarks>/table_positions.jsonl"
    params:
        rules=CUT_RULES,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Positions of cliffs, critical tokens and tangents"


use rule exhibit as table_taxonomy with:
    input:
        tokens=of_run(covered("tokens", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run(covered("traces", MAIN)),
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
        tokens=of_run(covered("tokens", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run(covered("traces", MAIN)),
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
        tokens=of_run(covered("tokens", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run(covered("traces", MAIN)),
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
        "How another model ranks cliffs and their controls"


use rule exhibit as table_dpo_accuracy with:
    input:
        evaluation=of_policies("evaluation"),
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
    output:
        **table("table_dpo_accuracy"),
    log:
        "<logs>/table_dpo_accuracy.log",
    benchmark:
        "<benchmarks>/table_dpo_accuracy.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        domains=DOMAINS,
    message:
        "Accuracy before and after Cliff-DPO"


use rule exhibit as table_dpo_cost with:
    input:
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
        traces=of_run("traces", axes=TRAINING_AXES),
        tokens=of_run("tokens", axes=TRAINING_AXES),
        potential=counts_of(
            [config["training"]["estimator"]], "potential", axes=TRAINING_AXES
        ),
        branches=counts_of(
            [config["training"]["estimator"]], "branches", axes=TRAINING_AXES
        ),
        candidates=of_run("candidates", TRAINED_ON, TRAINING_AXES),
        forks=of_run("forks", TRAINED_ON, TRAINING_AXES) if "forks" in VARIANTS else [],
    output:
        **table("table_dpo_cost"),
    log:
        "<logs>/table_dpo_cost.log",
    benchmark:
        "<benchmarks>/table_dpo_cost.jsonl"
    params:
        protocol=PROTOCOL,
        variants=CATALOGUES,
    message:
        "Cost of Cliff-DPO and of finding its cliffs"


use rule exhibit as table_dpo_cliffs with:
    input:
        recounts=of_policies("recounts"),
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
    output:
        **table("table_dpo_cliffs"),
    log:
        "<logs>/table_dpo_cliffs.log",
    benchmark:
        "<benchmarks>/table_dpo_cliffs.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        datasets=list(RECOUNTED),
    message:
        "Cliffs before and after Cliff-DPO"


use rule exhibit as table_probability_shift with:
    input:
        shifts=collect("<results>/shifts/{model}.parquet", model=TRAINED),
    output:
        **table("table_probability_shift"),
    log:
        "<logs>/table_probability_shift.log",
    benchmark:
        "<benchmarks>/table_probability_shift.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
    message:
        "Probability of unseen cliff tokens before and after Cliff-DPO"


use rule exhibit as table_audit with:
    input:
        audit=of_run("audit"),
        estimates=of_run("estimates", "independent"),
        tokens=of_run("subset/tokens"),
        traces=of_run("subset/traces"),
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


use rule exhibit as table_audit_published with:
    input:
        audit=of_run("published/audit"),
        pooled=of_run("published/pooled"),
        estimates=of_run("published/estimates"),
        tokens=of_run("published/tokens"),
        traces=of_run("published/traces"),
    output:
        **table("table_audit_published"),
    log:
        "<logs>/table_audit_published.log",
    benchmark:
        "<benchmarks>/table_audit_published.jsonl"
    params:
        rollouts=RELEASE.get("rollouts"),
        test=TEST,
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Audit of the cliffs in the published rollouts"


use rule exhibit as table_forced_runs with:
    input:
        runs=of_run("published/forced_runs" if RELEASE else "forced_runs"),
    output:
        **table("table_forced_runs"),
    log:
        "<logs>/table_forced_runs.log",
    benchmark:
        "<benchmarks>/table_forced_runs.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Equality of counts in forced runs"


use rule exhibit as table_estimators with:
    input:
        estimates=of_run("estimates", SCORED),
        cliffs=of_run("cliffs", SCORED),
        potential=counts_of(SCORED, "potential"),
        branches=counts_of(SCORED, "branches"),
        reference=of_run("estimates", "reference"),
        reference_branches=of_run("branches", "reference"),
        traces=of_run("subset/traces"),
        tokens=of_run("subset/tokens"),
    output:
        **table("table_estimators"),
    log:
        "<logs>/table_estimators.log",
    benchmark:
        "<benchmarks>/table_estimators.jsonl"
    params:
        rounds=SCORED_ROUNDS,
        test=TEST,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Error and cost of every estimator"


use rule exhibit as table_truth with:
    input:
        cliffs=of_run("cliffs", SCORED),
        audit=of_run("audit") if AUDITED else [],
        reference=of_run("estimates", "reference"),
        tokens=of_run("subset/tokens"),
        traces=of_run("subset/traces"),
    output:
        **table("table_truth"),
    log:
        "<logs>/table_truth.log",
    benchmark:
        "<benchmarks>/table_truth.jsonl"
    params:
        estimators=SCORED,
        test=TEST,
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Precision and recall of every catalogue of cliffs"


use rule exhibit as table_cost with:
    input:
        traces=of_run("traces"),
        tokens=of_run("tokens"),
    output:
        **table("table_cost"),
    log:
        "<logs>/table_cost.log",
    benchmark:
        "<benchmarks>/table_cost.jsonl"
    params:
        protocol=PROTOCOL,
        tokens_per_second=config["cost"]["tokens_per_second"],
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Predicting the cost of the potential"


use rule exhibit as table_cost_plan with:
    output:
        **table("table_cost_plan"),
    log:
        "<logs>/table_cost_plan.log",
    benchmark:
        "<benchmarks>/table_cost_plan.jsonl"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        expected={name: entry.get("expected") for name, entry in DATASETS.items()},
        analysis={
            "models": config["models"],
            "datasets": config["datasets"],
            "samples": config["traces"]["samples"],
            "rollouts": config["potential"]["rollouts"],
            "branches": config["potential"]["branches"],
            "catalogues": [MAIN, *AUDITED],
            "estimators": RUN_ESTIMATORS,
            "subset": SUBSET,
        },
        training={
            "models": TRAINED,
            "datasets": [TRAINING_SET],
            "samples": config["training"]["samples"],
            "rollouts": config["potential"]["rollouts"],
            "branches": config["potential"]["branches"],
            "catalogues": TRAINED_ON,
            "estimators": [config["training"]["estimator"]],
            "subset": SUBSET,
        },
        policies=POLICIES,
        evaluation=config["evaluation"],
        limit=config["problems"]["limit"],
        budget={
            "resampling": config["resampling"]["rollouts"],
            "candidates": config["candidates"]["rollouts"],
            "top": config["candidates"]["top"],
            "cut_points": config["cut_points"]["rollouts"],
        },
        assumed=config["cost"]["assumed"],
        tokens_per_second=config["cost"]["tokens_per_second"],
    message:
        "Predicting the cost of the run from its plan"


use rule exhibit as table_cost_used with:
    input:
        traces=of_run("subset/traces"),
        tokens=of_run("subset/tokens"),
        potential=counts_of(SCORED, "potential"),
        branches=of_run("branches", "recursive"),
    output:
        **table("table_cost_used"),
    log:
        "<logs>/table_cost_used.log",
    benchmark:
        "<benchmarks>/table_cost_used.jsonl"
    params:
        protocol=PROTOCOL,
        tokens_per_second=config["cost"]["tokens_per_second"],
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Comparing the cost of the potential with its prediction"
