# Provenance: every file behind the run's figures and tables by hash, rule and inputs, and what it
# was made with. `cliff-tokens verify results/<run>` checks the manifest.


WHOLE_RUN = [
    rules.figures.input,
    rules.tables.input,
    rules.dpo.input,
    rules.scorecard.output,
    rules.explorer.output,
    rules.article.output,
    collect(
        "<results>/cliffs/{estimator}/{model}/{dataset}.parquet",
        estimator=RUN_ESTIMATORS,
        **AXES,
    ),
]


rule write_manifest:
    input:
        [rules.audit_published.input] if RELEASE else WHOLE_RUN,
    output:
        manifest=report(
            "<results>/provenance/manifest.json",
            caption="../report/provenance.rst",
            category=PROVENANCE,
            labels={"shows": "Every file by hash, rule and inputs"},
        ),
        config=report(
            "<results>/provenance/config.yaml",
            caption="../report/provenance.rst",
            category=PROVENANCE,
            labels={"shows": "The configuration, merged"},
        ),
        environment=report(
            "<results>/provenance/environment.txt",
            caption="../report/provenance.rst",
            category=PROVENANCE,
            labels={"shows": "Installed packages"},
        ),
        rulegraph=report(
            "<results>/provenance/rulegraph.mmd",
            caption="../report/provenance.rst",
            category=PROVENANCE,
            labels={"shows": "Which rule read what which rule wrote (Mermaid)"},
        ),
    log:
        "<logs>/write_manifest.log",
    benchmark:
        "<benchmarks>/write_manifest.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        config=config,
        revision=REVISIONS["provenance"],
    message:
        "Hashing every file of the run"
    script:
        "../scripts/write_manifest.py"


rule provenance:
    input:
        rules.write_manifest.output,
