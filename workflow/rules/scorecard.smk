# Scorecard: what the paper says beside what this run measured (config/paper_index.yaml and
# published.csv). Read from the csv of those figures and tables that the run makes.

MADE = {
    Path(path).stem
    for path in [*rules.figures.input, *rules.tables.input, *rules.dpo.input]
}
# An entry is scored where its target is among the run's, or its csv is that of another's that is.
SCORED_VALUES = list(
    dict.fromkeys(
        entry["values"]
        for entry in PAPER_INDEX.values()
        if entry["values"]
        and Path(entry["values"]).stem in MADE
        and (entry["claims"] or entry["published"])
    )
)


rule scorecard:
    input:
        values=collect("<results>/{values}", values=SCORED_VALUES),
        index="config/paper_index.yaml",
        published="config/published.csv",
    output:
        csv="<results>/tables/scorecard.csv",
        html=report(
            "<results>/tables/scorecard.html",
            caption="../report/scorecard.rst",
            category=SCORECARD,
            labels={"shows": "The paper beside this run"},
        ),
        md="<results>/tables/scorecard.md",
        totals="<results>/tables/scorecard_totals.csv",
    log:
        "<logs>/scorecard.log",
    benchmark:
        "<benchmarks>/scorecard.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        caption=captioned,
        values=SCORED_VALUES,
        models=lookup("models", within=config),
        datasets=lookup("datasets", within=config),
        hard=HARD,
        confidence=lookup("statistics/confidence", within=config),
        revision=REVISIONS["scorecard"],
    message:
        "Setting the paper beside this run"
    script:
        "../scripts/scorecard.py"
