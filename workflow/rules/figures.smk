# Figures of the paper: svg for the report, pdf for print, csv of the values shown.


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
        revision=REVISIONS["exhibits"],
    script:
        "../scripts/exhibit.py"


rule figures:
    input:
        collect(
            "<results>/figures/{figure}.svg",
            figure=[
                "figure_01_decision_boundary",
                "figure_02_share_with_cliff",
                "figure_03_cliffs_per_trace",
                "figure_05_cliff_mass",
                "figure_06_recovery",
                "figure_15_entropy_density",
                "figure_16_pass_at_k_incorrect",
                "figure_17_pass_at_k_correct",
                "figure_cut_points",
                "example_traces",
            ],
        ),
        collect("<results>/figures/{figure}.svg", figure=PAIR_FIGURES),
        collect("<results>/figures/figure_{audit}.svg", audit=AUDITS),


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
        traces=of_run("traces"),
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
        traces=of_run("traces"),
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
    output:
        **figure("figure_04_cliff_mass_and_transfer"),
    log:
        "<logs>/figure_04_cliff_mass_and_transfer.log",
    benchmark:
        "<benchmarks>/figure_04_cliff_mass_and_transfer.jsonl"
    params:
        pairs=config["agreement"]["pairs"],
    message:
        "Drawing figure 4: cliff mass and its transfer"


use rule exhibit as figure_05_cliff_mass with:
    input:
        masses=of_run("masses", MAIN),
    output:
        **figure("figure_05_cliff_mass"),
    log:
        "<logs>/figure_05_cliff_mass.log",
    benchmark:
        "<benchmarks>/figure_05_cliff_mass.jsonl"
    params:
        models=config["models"],
    message:
        "Drawing figure 5: cliff mass by kind"


use rule exhibit as figure_06_recovery with:
    input:
        candidates=of_run("candidates", MAIN),
        cliffs=of_run("cliffs", MAIN),
    output:
        **figure("figure_06_recovery"),
    log:
        "<logs>/figure_06_recovery.log",
    benchmark:
        "<benchmarks>/figure_06_recovery.jsonl"
    params:
        intervals=INTERVALS,
        models=config["models"],
    message:
        "Drawing figure 6: sampled against greedy token"


use rule exhibit as figure_11_delta_cpm with:
    input:
        agreement=of_run("agreement", MAIN, PAIRED),
        cliffs=of_run("cliffs", MAIN, SOURCES),
        members=of_run("members", MAIN, SOURCES),
    output:
        **figure("figure_11_delta_cpm"),
    log:
        "<logs>/figure_11_delta_cpm.log",
    benchmark:
        "<benchmarks>/figure_11_delta_cpm.jsonl"
    params:
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
        tokens=of_run("tokens"),
        cliffs=of_run("cliffs", MAIN),
        traces=of_run("traces"),
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
        traces=of_run("traces"),
        estimates=of_run("estimates", MAIN),
        tokens=of_run("tokens"),
        cliffs=of_run("cliffs", MAIN),
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
