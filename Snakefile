# Cliff tokens, from sampled traces to the paper's figures and tables.
#
#   snakemake --cores 2                              the embedded testbed: offline, minutes, no GPU
#   snakemake --cores 2 --configfile config/smoke.yaml    the same, smaller
#   snakemake -n --configfile config/paper.yaml      the plan of the paper's own run
#   snakemake --report report.zip                    the report of whichever run is configured

from snakemake.utils import min_version

min_version("9.12")


configfile: "config/config.yaml"


pathvars:
    results=f"results/{config['run']}",
    logs=f"logs/{config['run']}",
    benchmarks=f"timings/{config['run']}",
    measured=f"results/{config['base'] or config['run']}",


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/helpers.smk"
include: "workflow/rules/testbed.smk"
include: "workflow/rules/hub.smk"
include: "workflow/rules/wheels.smk"
include: "workflow/rules/rollouts.smk"
include: "workflow/rules/exhibits.smk"
include: "workflow/rules/problems.smk"
include: "workflow/rules/traces.smk"
include: "workflow/rules/estimates.smk"
include: "workflow/rules/cliffs.smk"
include: "workflow/rules/resampling.smk"
include: "workflow/rules/candidates.smk"
include: "workflow/rules/masses.smk"
include: "workflow/rules/agreement.smk"
include: "workflow/rules/cut_points.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/published.smk"
include: "workflow/rules/truth.smk"
include: "workflow/rules/cost.smk"
include: "workflow/rules/forks.smk"
include: "workflow/rules/pairs.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/scorecard.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/article.smk"
include: "workflow/rules/provenance.smk"


rule all:
    default_target: True
    input:
        rules.write_manifest.input,
        rules.provenance.input,
