# Cost: what a run is going to take, from its run file alone; what rollouts are, from traces and their
# scores; and how well that agrees with what was drawn. No other target needs it:
# `snakemake --cores 1 cost_plan` predicts before anything has run, `cost` once there are traces.


rule cost_plan:
    input:
        "<results>/tables/table_cost_plan.csv",


rule cost:
    input:
        "<results>/tables/table_cost.csv",
