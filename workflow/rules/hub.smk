# Models and problems from the Hugging Face Hub. Fetching is a matter of the machine that submits
# jobs: those that compute may have no network. Receipts in resources/hub serve all runs; the files
# themselves lie in the Hub's own cache.


NEEDED = MODELS | ({config["published"]: RELEASE} if RELEASE else DATASETS)
if workflow.is_main_process and (none := unresolved(NEEDED)):
    logger.warning(
        f"No commit is known of {', '.join(none)}: such a run can be planned, not started. "
        + hub.REMEDY
    )


localrules:
    resolve_revisions,
    fetch_model,
    fetch_problems,


onstart:
    # Jobs read the Snakefile, too, but by then it has been seen to.
    if workflow.is_main_process:
        try:
            hub.check_all(to_fetch())
        except hub.HubError as error:
            raise WorkflowError(str(error)) from None


# The commits of catalogue entries that have none. What is recorded once stays.
rule resolve_revisions:
    log:
        "<logs>/resolve_revisions.log",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        lock=LOCK_FILE,
        known=LOCK,
        missing={
            "models": unresolved(MODEL_CATALOGUE),
            "datasets": unresolved(DATASET_CATALOGUE | ROLLOUT_CATALOGUE),
        },
        revision=REVISIONS["hub"],
    message:
        "Asking the Hub for commits that the catalogues leave open"
    script:
        "../scripts/resolve_revisions.py"


rule fetch_model:
    output:
        receipt="resources/hub/models/{model}.json",
    log:
        "<logs>/fetch_model/{model}.log",
    benchmark:
        "<benchmarks>/fetch_model/{model}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        repository=lookup("{model}/hub", within=MODELS),
        commit=lookup("{model}/revision", within=MODELS),
        sha256=recorded("models", MODELS),
        revision=REVISIONS["hub"],
    message:
        "Fetching {params.repository}"
    script:
        "../scripts/fetch_model.py"


rule fetch_problems:
    output:
        receipt="resources/hub/datasets/{dataset}.json",
    log:
        "<logs>/fetch_problems/{dataset}.log",
    benchmark:
        "<benchmarks>/fetch_problems/{dataset}.jsonl"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        repository=lookup("{dataset}/hub", within=DATASETS),
        commit=lookup("{dataset}/revision", within=DATASETS),
        sha256=recorded("datasets", DATASETS),
        revision=REVISIONS["hub"],
    message:
        "Fetching {params.repository}"
    script:
        "../scripts/fetch_problems.py"
