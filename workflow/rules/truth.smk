# Truth: estimators and catalogues against a reference with many times the rollouts
# (docs/estimators.md). No other target needs it; `snakemake --cores 2 truth` runs it.


rule truth:
    input:
        exhibits_of("truth"),
