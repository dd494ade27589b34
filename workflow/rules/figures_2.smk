# Figures, continued.


use rule exhibit as figure_cut_points with:
    input:
        cut_points=of_run("cut_points", MAIN),
        estimates=of_run("estimates", MAIN),
        traces=of_run("traces"),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_cut_points"),
    log:
        "<logs>/figure_cut_points.log",
    benchmark:
        "<benchmarks>/figure_cut_points.jsonl"
    params:
        rules=CUT_RULES,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing deletion at the cliff and at other cut points"


use rule exhibit as figure_dpo_accuracy with:
    input:
        evaluation=collect(
            "<results>/evaluation/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
    output:
        **figure("figure_dpo_accuracy"),
    log:
        "<logs>/figure_dpo_accuracy.log",
    benchmark:
        "<benchmarks>/figure_dpo_accuracy.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        domains=DOMAINS,
    message:
        "Drawing the gain in accuracy after Cliff-DPO"


use rule exhibit as figure_dpo_positions with:
    input:
        evaluation=collect(
            "<results>/evaluation/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
    output:
        **figure("figure_dpo_positions"),
    log:
        "<logs>/figure_dpo_positions.log",
    benchmark:
        "<benchmarks>/figure_dpo_positions.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        domains=DOMAINS,
    message:
        "Drawing the gain in accuracy against loss positions"


use rule exhibit as figure_dpo_cliffs with:
    input:
        recounts=collect(
            "<results>/recounts/{model}/{variant}/seed-{seed}.parquet", **POLICIES
        ),
    output:
        **figure("figure_dpo_cliffs"),
    log:
        "<logs>/figure_dpo_cliffs.log",
    benchmark:
        "<benchmarks>/figure_dpo_cliffs.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
        datasets=list(RECOUNTED),
    message:
        "Drawing cliffs per trace before and after Cliff-DPO"


use rule exhibit as figure_dpo_training with:
    input:
        training=collect(
            "<results>/training/{model}/{variant}/seed-{seed}.parquet", **ADAPTERS
        ),
    output:
        **figure("figure_dpo_training"),
    log:
        "<logs>/figure_dpo_training.log",
    benchmark:
        "<benchmarks>/figure_dpo_training.jsonl"
    params:
        models=TRAINED,
        variants=VARIANTS,
    message:
        "Drawing the training curves of Cliff-DPO"


use rule exhibit as figure_estimators with:
    input:
        estimates=of_run("estimates", SCORED),
        potential=counts_of(SCORED, "potential"),
        branches=counts_of(SCORED, "branches"),
        reference=of_run("estimates", "reference"),
        reference_branches=of_run("branches", "reference"),
        traces=of_run("traces"),
        tokens=of_run("tokens"),
        alternatives=of_run("alternatives"),
    output:
        **figure("figure_estimators"),
    log:
        "<logs>/figure_estimators.log",
    benchmark:
        "<benchmarks>/figure_estimators.jsonl"
    params:
        rounds=SCORED_ROUNDS,
        rollouts=config["potential"]["rollouts"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing error against cost"
