# Figures of the paper: svg for the report, pdf for print, csv of the values shown.


rule figures:
    input:
        collect(
            "<results>/figures/{figure}.svg",
            figure=paper_index.exhibits(PAPER_INDEX, "figure", HAVE),
        ),


use rule exhibit as figure_01_decision_boundary with:
    output:
        **figure("figure_01_decision_boundary"),
    log:
        "<logs>/figure_01_decision_boundary.log",
    benchmark:
        "<benchmarks>/figure_01_decision_boundary.jsonl"
    params:
        rollouts=config["potential"]["rollouts"],
        test=TEST,
    message:
        "Drawing figure 1: decision boundary of the rule"


use rule exhibit as figure_02_share_with_cliff with:
    input:
        traces=of_run(covered("traces", MAIN)),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_02_share_with_cliff"),
    log:
        "<logs>/figure_02_share_with_cliff.log",
    benchmark:
        "<benchmarks>/figure_02_share_with_cliff.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Drawing figure 2: share of traces with a cliff"


use rule exhibit as figure_03_cliffs_per_trace with:
    input:
        traces=of_run(covered("traces", MAIN)),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_03_cliffs_per_trace"),
    log:
        "<logs>/figure_03_cliffs_per_trace.log",
    benchmark:
        "<benchmarks>/figure_03_cliffs_per_trace.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Drawing figure 3: cliffs per trace"


use rule exhibit as figure_04_cliff_mass_and_transfer with:
    input:
        masses=of_run("masses", MAIN, SOURCES),
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
        members=of_run("members", MAIN, SOURCES),
        resampling=of_run("resampling", MAIN, SOURCES),
    output:
        **figure("figure_04_cliff_mass_and_transfer"),
    log:
        "<logs>/figure_04_cliff_mass_and_transfer.log",
    benchmark:
        "<benchmarks>/figure_04_cliff_mass_and_transfer.jsonl"
    params:
        test=TEST,
        pairs=config["agreement"]["pairs"],
    message:
        "Drawing figure 4: cliff mass and its transfer"


use rule exhibit as figure_05_cliff_mass with:
    input:
        masses=of_run("masses", MAIN),
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
    output:
        **figure("figure_05_cliff_mass"),
    log:
        "<logs>/figure_05_cliff_mass.log",
    benchmark:
        "<benchmarks>/figure_05_cliff_mass.jsonl"
    params:
        test=TEST,
        models=config["models"],
    message:
        "Drawing figure 5: cliff mass by kind"


use rule exhibit as figure_06_recovery with:
    input:
        candidates=of_run("candidates", MAIN),
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
        alternatives=of_run("alternatives"),
    output:
        **figure("figure_06_recovery"),
    log:
        "<logs>/figure_06_recovery.log",
    benchmark:
        "<benchmarks>/figure_06_recovery.jsonl"
    params:
        test=TEST,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing figure 6: sampled against greedy token"


use rule exhibit as figure_11_delta_cpm with:
    input:
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
        members=of_run("members", MAIN, SOURCES),
        resampling=of_run("resampling", MAIN, SOURCES),
    output:
        **figure("figure_11_delta_cpm"),
    log:
        "<logs>/figure_11_delta_cpm.log",
    benchmark:
        "<benchmarks>/figure_11_delta_cpm.jsonl"
    params:
        test=TEST,
        pairs=config["agreement"]["pairs"],
    message:
        "Drawing figure 11: change of the cliff mass between models"


use rule exhibit as figure_12_ranks_deterministic with:
    input:
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
    output:
        **figure("figure_12_ranks_deterministic"),
    log:
        "<logs>/figure_12_ranks_deterministic.log",
    benchmark:
        "<benchmarks>/figure_12_ranks_deterministic.jsonl"
    params:
        kind="deterministic",
        pairs=config["agreement"]["pairs"],
    message:
        "Drawing figure 12: ranks of deterministic cliffs in both models"


use rule exhibit as figure_13_ranks_uncertain with:
    input:
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
    output:
        **figure("figure_13_ranks_uncertain"),
    log:
        "<logs>/figure_13_ranks_uncertain.log",
    benchmark:
        "<benchmarks>/figure_13_ranks_uncertain.jsonl"
    params:
        kind="uncertain",
        pairs=config["agreement"]["pairs"],
    message:
        "Drawing figure 13: ranks of uncertain cliffs in both models"


use rule exhibit as figure_14_ranks_sampled_off with:
    input:
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
    output:
        **figure("figure_14_ranks_sampled_off"),
    log:
        "<logs>/figure_14_ranks_sampled_off.log",
    benchmark:
        "<benchmarks>/figure_14_ranks_sampled_off.jsonl"
    params:
        kind="sampled_off",
        pairs=config["agreement"]["pairs"],
    message:
        "Drawing figure 14: ranks of sampled-off cliffs in both models"


use rule exhibit as figure_15_entropy_density with:
    input:
        tokens=of_run(covered("tokens", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run(covered("traces", MAIN)),
    output:
        **figure("figure_15_entropy_density"),
    log:
        "<logs>/figure_15_entropy_density.log",
    benchmark:
        "<benchmarks>/figure_15_entropy_density.jsonl"
    params:
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing figure 15: entropy of cliff tokens and of all tokens"


use rule exhibit as figure_16_pass_at_k_incorrect with:
    input:
        resampling=of_run("resampling", MAIN),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_16_pass_at_k_incorrect"),
    log:
        "<logs>/figure_16_pass_at_k_incorrect.log",
    benchmark:
        "<benchmarks>/figure_16_pass_at_k_incorrect.jsonl"
    params:
        outcome="incorrect",
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Drawing figure 16: delete, keep and control: incorrect traces"


use rule exhibit as figure_17_pass_at_k_correct with:
    input:
        resampling=of_run("resampling", MAIN),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_17_pass_at_k_correct"),
    log:
        "<logs>/figure_17_pass_at_k_correct.log",
    benchmark:
        "<benchmarks>/figure_17_pass_at_k_correct.jsonl"
    params:
        outcome="correct",
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Drawing figure 17: delete, keep and control: correct traces"


use rule exhibit as example_traces with:
    input:
        traces=of_run(covered("traces", MAIN)),
        estimates=of_run("estimates", MAIN),
        tokens=of_run(covered("tokens", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
    output:
        **figure("example_traces"),
    log:
        "<logs>/example_traces.log",
    benchmark:
        "<benchmarks>/example_traces.jsonl"
    params:
        test=TEST,
        intervals=INTERVALS,
        examples=config["examples"],
    message:
        "Drawing example traces"


use rule exhibit as figure_recovered_trace with:
    input:
        traces=of_run(covered("traces", MAIN)),
        estimates=of_run("estimates", MAIN),
        tokens=of_run(covered("tokens", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
    output:
        **figure("figure_recovered_trace"),
    log:
        "<logs>/figure_recovered_trace.log",
    benchmark:
        "<benchmarks>/figure_recovered_trace.jsonl"
    params:
        test=TEST,
        intervals=INTERVALS,
    message:
        "Drawing a trace that recovers from a cliff"


use rule exhibit as figure_cut_points with:
    input:
        cut_points=of_run("cut_points", MAIN),
        estimates=of_run("estimates", MAIN),
        traces=of_run(covered("traces", MAIN)),
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
    output:
        **figure("figure_cut_points"),
    log:
        "<logs>/figure_cut_points.log",
    benchmark:
        "<benchmarks>/figure_cut_points.jsonl"
    params:
        test=TEST,
        rules=CUT_RULES,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing deletion at the cliff and at other cut points"


use rule exhibit as figure_prevalence_null with:
    input:
        cliffs=of_run("cliffs", MAIN),
        resampling=of_run("resampling", MAIN),
    output:
        **figure("figure_prevalence_null"),
    log:
        "<logs>/figure_prevalence_null.log",
    benchmark:
        "<benchmarks>/figure_prevalence_null.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
        datasets=config["datasets"],
    message:
        "Drawing the cliffs that are seen against what is expected"


use rule exhibit as figure_dpo_accuracy with:
    input:
        evaluation=of_policies("evaluation"),
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
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
        evaluation=of_policies("evaluation"),
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
        recounts=of_policies("recounts"),
        adapters=collect("<results>/adapters/{model}/{variant}/seed-{seed}", **ADAPTERS),
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


use rule exhibit as figure_probability_shift with:
    input:
        shifts=collect("<results>/shifts/{model}.parquet", model=TRAINED),
    output:
        **figure("figure_probability_shift"),
    log:
        "<logs>/figure_probability_shift.log",
    benchmark:
        "<benchmarks>/figure_probability_shift.jsonl"
    params:
        intervals=INTERVALS,
        models=TRAINED,
        variants=VARIANTS,
    message:
        "Drawing how far Cliff-DPO moves tokens at unseen cliffs"


use rule exhibit as figure_audit with:
    input:
        audit=of_run("audit"),
    output:
        **figure("figure_audit"),
    log:
        "<logs>/figure_audit.log",
    benchmark:
        "<benchmarks>/figure_audit.jsonl"
    params:
        test=TEST,
        models=config["models"],
    message:
        "Drawing the drops of audited cliffs against their bound"


use rule exhibit as figure_audit_published with:
    input:
        audit=of_run("published/audit"),
    output:
        **figure("figure_audit_published"),
    log:
        "<logs>/figure_audit_published.log",
    benchmark:
        "<benchmarks>/figure_audit_published.jsonl"
    params:
        test=TEST,
        models=config["models"],
    message:
        "Drawing the drops of the published cliffs against their bound"


use rule exhibit as figure_forced_runs with:
    input:
        runs=of_run("published/forced_runs" if RELEASE else "forced_runs"),
    output:
        **figure("figure_forced_runs"),
    log:
        "<logs>/figure_forced_runs.log",
    benchmark:
        "<benchmarks>/figure_forced_runs.jsonl"
    params:
        models=config["models"],
        confidence=config["statistics"]["confidence"],
    message:
        "Drawing how equal counts of forced runs are"


use rule exhibit as figure_estimators with:
    input:
        estimates=of_run("estimates", SCORED),
        potential=counts_of(SCORED, "potential"),
        branches=counts_of(SCORED, "branches"),
        simulated_errors=of_run("simulated_errors"),
        reference_branches=of_run("branches", "reference"),
        traces=of_run("subset/traces"),
        tokens=of_run("subset/tokens"),
    output:
        **figure("figure_estimators"),
    log:
        "<logs>/figure_estimators.log",
    benchmark:
        "<benchmarks>/figure_estimators.jsonl"
    params:
        rounds=SCORED_ROUNDS,
        protocol=PROTOCOL,
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing error against cost"


use rule exhibit as figure_catalogues with:
    input:
        cliffs=of_run("cliffs", SCORED),
        audit=of_run("audit") if AUDITED else [],
        reference=of_run("estimates", "reference"),
        simulated_flags=of_run("simulated_flags"),
        traces=of_run("subset/traces"),
        tokens=of_run("subset/tokens"),
    output:
        **figure("figure_catalogues"),
    log:
        "<logs>/figure_catalogues.log",
    benchmark:
        "<benchmarks>/figure_catalogues.jsonl"
    params:
        estimators=SCORED,
        repetitions=config["truth"]["repetitions"],
        margin=TEST["margin"],
        certain=config["taxonomy"]["certain"],
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing what every catalogue of cliffs is worth"
