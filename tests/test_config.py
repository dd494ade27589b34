"""Plans, catalogues as shipped, their documentation, environments and profiles."""

import copy
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from cliff_tokens import catalogue
from cliff_tokens.testbed import corpus, training

ROOT = Path(__file__).parents[1]
CATALOGUES = ("models", "datasets", "testbed")
PLANS = sorted({path.stem for path in (ROOT / "config").glob("*.yaml")} - set(CATALOGUES))
SCHEMAS = ("config", *CATALOGUES)


def merge(base: dict, changes: dict) -> dict:
    """As Snakemake merges configuration files: mappings key by key, all else replaced."""
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


@pytest.fixture(scope="module")
def plan(root):
    """A plan, merged over the default run."""

    def plan(name: str, changes: dict | None = None) -> dict:
        default = catalogue.read(root / "config/config.yaml")
        merged = merge(default, catalogue.read(root / f"config/{name}.yaml"))
        return merge(merged, changes or {})

    return plan


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


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_is_valid_and_validation_adds_nothing(root, plan, name):
    config = plan(name)
    before = copy.deepcopy(config)
    validate(config, str(root / "workflow/schemas/config.schema.yaml"))
    assert config == before


@pytest.mark.parametrize("name", [*PLANS, *CATALOGUES])
def test_editors_are_told_the_schema_of_every_file(root, name):
    schema = "config" if name in PLANS else name
    first = (root / f"config/{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../workflow/schemas/{schema}.schema.yaml"


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_names_entries_that_fit_one_another(plan, shipped, name):
    config = plan(name)
    models = catalogue.pick(shipped("models"), config["models"], "config/models.yaml", "models")
    datasets = catalogue.pick(
        shipped("datasets"), config["datasets"], "config/datasets.yaml", "datasets"
    )
    evaluation = config["evaluation"]
    names = [entry["name"] for entry in evaluation["datasets"]] + evaluation["recount"]["datasets"]
    datasets |= catalogue.pick(
        shipped("datasets"), [*names, config["training"]["dataset"]], "config/datasets.yaml", ""
    )
    longest = max(entry["max_tokens"] for entry in datasets.values())
    assert longest < min(entry["context"] for entry in models.values())


def test_runs_have_names_of_their_own(plan):
    assert len({plan(name)["run"] for name in PLANS}) == len(PLANS)


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
    ],
)
def test_a_wrong_configuration_is_refused_and_named(root, plan, changes, named):
    with pytest.raises(WorkflowError) as caught:
        validate(plan("config", changes), str(root / "workflow/schemas/config.schema.yaml"))
    assert named in str(caught.value)


@pytest.mark.parametrize("section", ["potential", "cliffs", "statistics"])
def test_a_value_that_is_missing_is_an_error_and_never_filled_in(root, plan, section):
    config = plan("config")
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
            assert set(part["required"]) == set(part["properties"]), part


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


def test_models_of_one_family_share_a_sampler(shipped):
    models = shipped("models")
    for family in ("testbed", "qwen3", "llama"):
        samplers = [entry["sampler"] for name, entry in models.items() if name.startswith(family)]
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
        assert text == current, "config/README.md: run pytest --fix tests/test_config.py"


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


def test_the_lock_holds_every_package_that_the_project_asks_for(root, lock):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    asked = project["dependencies"] + [
        package for extra, packages in optional.items() if extra != "gpu" for package in packages
    ]
    assert {re.split(r"[=<>~\[ ]", package)[0] for package in asked} <= set(lock)


def test_the_default_profile_holds_only_switches_that_suit_any_machine(root):
    # It is applied to every run, and wins over the profile that is asked for.
    assert catalogue.read(root / "profiles/default/profile.yaml") == {
        "rerun-incomplete": True,
        "show-failed-logs": True,
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


def test_the_slurm_profile_names_rules_that_exist(root):
    profile = yaml.safe_load((root / "profiles/slurm/profile.yaml").read_text(encoding="utf-8"))
    rules = "\n".join(
        path.read_text(encoding="utf-8") for path in (root / "workflow/rules").glob("*.smk")
    )
    for rule in profile["set-resources"]:
        assert re.search(rf"^rule {rule}:$", rules, re.MULTILINE), rule
