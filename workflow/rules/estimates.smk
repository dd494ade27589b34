# Estimates: the potential before and after every token, from rollouts (paper, Section 3;
# docs/estimators.md). The independent estimator rolls out from every prefix, and recycled reads the
# same rollouts as branches. The recursive ones roll out only where the sampler had a choice:
# recursive takes N, reference many times N, adaptive adds a second round to recursive.


# The first problems of a data set, on which the published protocol and the reference are run.
rule take_subset:
    input:
        problems="<results>/problems/{dataset}.parquet",
        traces="<results>/traces/{model}/{dataset}.parquet",
    output:
        traces="<results>/subset/traces/{model}/{dataset}.parquet",
    log:
        "<logs>/take_subset/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/take_subset/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        problems=lambda wildcards: SUBSET.get(wildcards.dataset),
        revision=REVISIONS["potential"],
    message:
        "Taking the traces of {wildcards.model} on {wildcards.dataset} that rollouts start everywhere in"
    script:
        "../scripts/take_subset.py"


# Apart, so that new scores draw no rollout anew.
rule take_subset_tokens:
    input:
        traces="<results>/subset/traces/{model}/{dataset}.parquet",
        tokens="<results>/tokens/{model}/{dataset}.parquet",
    output:
        tokens="<results>/subset/tokens/{model}/{dataset}.parquet",
    log:
        "<logs>/take_subset_tokens/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/take_subset_tokens/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["potential"],
    message:
        "Taking the scores of these traces of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/take_subset_tokens.py"


rule plan_independent:
    input:
        traces="<results>/subset/traces/{model}/{dataset}.parquet",
    output:
        plan="<results>/plans/independent/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_independent/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_independent/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rollouts=config["potential"]["rollouts"],
        revision=REVISIONS["potential"],
    message:
        "Planning rollouts of {wildcards.model} on {wildcards.dataset} at every prefix"
    script:
        "../scripts/plan_independent.py"


rule join_potential:
    input:
        plan="<results>/plans/independent/{model}/{dataset}.parquet",
        rollouts=shards("independent"),
    output:
        potential="<results>/potential/{model}/{dataset}.parquet",
    log:
        "<logs>/join_potential/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_potential/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["potential"],
    message:
        "Counting the rollouts of {wildcards.model} on {wildcards.dataset} at every prefix"
    script:
        "../scripts/join_potential.py"


rule estimate_independent:
    input:
        potential="<results>/potential/{model}/{dataset}.parquet",
        traces="<results>/subset/traces/{model}/{dataset}.parquet",
    output:
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_independent/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_independent/{estimator}/{model}/{dataset}.jsonl"
    wildcard_constraints:
        estimator="independent",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["potential"],
    message:
        "Estimating the potential of {wildcards.model} on {wildcards.dataset} from independent rollouts"
    script:
        "../scripts/estimate_independent.py"


rule estimate_recycled:
    input:
        potential="<results>/potential/{model}/{dataset}.parquet",
        tokens="<results>/subset/tokens/{model}/{dataset}.parquet",
        traces="<results>/subset/traces/{model}/{dataset}.parquet",
    output:
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_recycled/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_recycled/{estimator}/{model}/{dataset}.jsonl"
    wildcard_constraints:
        estimator="recycled",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["recursion"],
    message:
        "Estimating the potential of {wildcards.model} on {wildcards.dataset} from recycled rollouts"
    script:
        "../scripts/estimate_recycled.py"


rule plan_branches:
    input:
        tokens=measured_by("tokens"),
        alternatives="<results>/alternatives/{model}/{dataset}.parquet",
    output:
        plan="<results>/plans/{draws}/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_branches/{draws}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_branches/{draws}/{model}/{dataset}.jsonl"
    wildcard_constraints:
        draws="recursive|reference",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        draws="{draws}",
        rollouts=lookup("{draws}", within=BRANCH_ROLLOUTS),
        seed=config["seed"],
        revision=REVISIONS["recursion"],
    message:
        "Planning {wildcards.draws} branches of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/plan_branches.py"


rule plan_second_round:
    input:
        branches="<results>/branches/recursive/{model}/{dataset}.parquet",
        tokens="<results>/tokens/{model}/{dataset}.parquet",
        alternatives="<results>/alternatives/{model}/{dataset}.parquet",
    output:
        plan="<results>/plans/adaptive/{model}/{dataset}.parquet",
    log:
        "<logs>/plan_second_round/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/plan_second_round/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        share=config["potential"]["second_round"],
        seed=config["seed"],
        revision=REVISIONS["recursion"],
    message:
        "Planning a second round of branches of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/plan_second_round.py"


rule join_branches:
    input:
        plan="<results>/plans/{draws}/{model}/{dataset}.parquet",
        rollouts=shards("{draws}"),
    output:
        branches="<results>/branches/{draws}/{model}/{dataset}.parquet",
    log:
        "<logs>/join_branches/{draws}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/join_branches/{draws}/{model}/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["recursion"],
    message:
        "Counting the {wildcards.draws} branches of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/join_branches.py"


rule estimate_recursive:
    input:
        branches=branches_of,
        tokens=measured_by("tokens"),
        traces=measured_by("traces"),
    output:
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/estimate_recursive/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/estimate_recursive/{estimator}/{model}/{dataset}.jsonl"
    wildcard_constraints:
        estimator="recursive|adaptive|reference",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        revision=REVISIONS["recursion"],
    message:
        "Estimating the potential of {wildcards.model} on {wildcards.dataset} by recursion ({wildcards.estimator})"
    script:
        "../scripts/estimate_recursive.py"


# The published rule's estimates at no rollout's cost: counts from a binomial at the recursion's
# potential. It is where deterministic cliffs to train on come from, which are false flags.
rule simulate_published:
    input:
        estimates="<results>/estimates/recursive/{model}/{dataset}.parquet",
    output:
        estimates="<results>/estimates/{estimator}/{model}/{dataset}.parquet",
    log:
        "<logs>/simulate_published/{estimator}/{model}/{dataset}.log",
    benchmark:
        "<benchmarks>/simulate_published/{estimator}/{model}/{dataset}.jsonl"
    wildcard_constraints:
        estimator="simulated",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rollouts=config["potential"]["rollouts"],
        seed=config["seed"],
        revision=REVISIONS["pairs"],
    message:
        "Simulating the published protocol on traces of {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/simulate_published.py"
