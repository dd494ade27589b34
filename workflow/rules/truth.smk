# Truth: estimators and catalogues against a reference with many times the rollouts
# (docs/estimators.md). No other target needs it; `snakemake --cores 2 truth` runs it.


rule truth:
    input:
        collect(
            "<results>/tables/{table}.csv",
            table=[
                "table_estimators",
                "table_truth",
                "table_simulation",
                "table_cost_used",
            ],
        ),
        "<results>/figures/figure_estimators.svg",
