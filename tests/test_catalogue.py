"""Catalogues: what is refused, and whether the message helps."""

import json

import pytest
import yaml

from cliff_tokens import catalogue
from cliff_tokens.catalogue import CatalogueError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = {
    "hub": "somebody/something",
    "revision": COMMIT,
    "gated": False,
    "engine": "transformers",
    "chat": {},
    "sampler": {"temperature": 1.0, "top_p": 0.95, "top_k": 0},
    "context": 512,
    "license": "MIT",
    "label": "Mine",
}
DATASET = {
    "hub": "somebody/problems",
    "revision": None,
    "split": "test",
    "question": "question",
    "answer": "answer",
    "subset": {"rule": "uniform", "problems": 10, "seed": 42},
    "max_tokens": 100,
    "system": None,
    "version": 1,
    "license": "MIT",
    "label": "Problems",
}

FILE = {
    "file": "my/problems.jsonl",
    "question": "question",
    "answer": "answer",
    "max_tokens": 100,
    "system": None,
    "version": 1,
    "license": "MIT",
    "label": "Mine",
}


def without(entry: dict, *keys: str) -> dict:
    return {key: value for key, value in entry.items() if key not in keys}


GENERATOR = without(FILE, "file", "question", "answer") | {
    "generator": "chains",
    "problems": 3,
    "split": "test",
}


@pytest.fixture
def check(root, tmp_path):
    """Load a catalogue of one entry "mine"; None, or what is wrong after the file's name."""

    def check(kind: str, entry: dict, name: str = "mine") -> str | None:
        path = tmp_path / f"{kind}.yaml"
        path.write_text(yaml.safe_dump({name: entry}), encoding="utf-8")
        try:
            catalogue.load(path, root / f"workflow/schemas/{kind}.schema.yaml")
        except CatalogueError as error:
            return str(error).replace(f"{path}: ", "")
        return None

    return check


def test_a_name_that_means_all_of_them_is_refused(check):
    assert "other than all" in check("models", MODEL, "all")
    assert check("models", MODEL, "allmodels") is None


def test_good_entries_are_accepted(check):
    assert check("models", MODEL) is None
    assert check("models", without(MODEL, "hub", "revision", "gated") | {"path": "a/b"}) is None
    assert check("models", MODEL | {"chat": {"enable_thinking": False}}) is None
    assert check("models", MODEL | {"engine": "vllm", "gpus": 2, "gpu_memory": 0.5}) is None
    assert check("datasets", DATASET) is None
    assert check("datasets", DATASET | {"subset": {"rule": "all"}}) is None
    assert check("datasets", FILE) is None
    whole = {"split": "hard", "subset": DATASET["subset"], "sha256": "0" * 64, "after": "####"}
    dropping = {"answers": "all", "unreadable": "drop", "duplicates": "drop"}
    assert check("datasets", FILE | whole | dropping | {"file": "/my own/problems.csv"}) is None


@pytest.mark.parametrize("revision", ["main", "v1.0", COMMIT[:7], COMMIT.upper()])
def test_a_revision_that_can_move_is_refused(check, revision):
    expected = "mine.revision: expected a commit of 40 hexadecimal digits, or null, found"
    assert check("models", MODEL | {"revision": revision}) == f"{expected} {revision!r}"
    assert check("datasets", DATASET | {"revision": revision}) == f"{expected} {revision!r}"


def test_a_revision_not_yet_verified_is_null(check):
    assert check("models", MODEL | {"revision": None}) is None
    assert check("models", without(MODEL, "revision")) == (
        "mine: 'hub' needs revision, gated beside it"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top_p": 3}, "mine.sampler.top_p: expected a number > 0 and <= 1, found 3"),
        ({"top_p": "0.9"}, "mine.sampler.top_p: expected a number > 0 and <= 1, found '0.9'"),
        ({"temperature": -1}, "mine.sampler.temperature: expected a number >= 0, found -1"),
        ({"top_k": None}, "mine.sampler.top_k: expected a whole number >= 0, found None"),
        (
            {"topp": 0.9},
            "mine.sampler: unknown key 'topp'; is it top_p? expected one of temperature, top_p, "
            "top_k",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_place(check, changes, message):
    assert check("models", MODEL | {"sampler": MODEL["sampler"] | changes}) == message


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        (
            "models",
            MODEL | {"path": "a/b"},
            "mine: expected exactly one of path, hub, gguf, found path and hub",
        ),
        (
            "models",
            without(MODEL, "hub", "revision", "gated"),
            "mine: expected exactly one of path, hub, gguf, found none of them",
        ),
        ("models", without(MODEL, "engine", "label"), "mine: missing key 'engine', 'label'"),
        (
            "models",
            without(MODEL, "hub", "revision", "gated") | {"path": "../model"},
            "mine.path: expected a folder, absolute or below the repository's root, without "
            "`..`, `~` or braces and no `/` at its end, found '../model'",
        ),
        (
            "models",
            MODEL | {"sampler": MODEL["sampler"] | {"temperature": float("nan")}},
            "mine.sampler.temperature: expected a number >= 0, found nan",
        ),
        (
            "models",
            MODEL | {"chat": {"enable_thinking": "false"}},
            "mine.chat.enable_thinking: expected true, false, a number, or text that does not "
            "write one of them in quotes, found 'false'",
        ),
        (
            "models",
            MODEL | {"context": 4096.0},
            "mine.context: expected a whole number >= 2, found 4096.0",
        ),
        (
            "models",
            MODEL | {"gpus": 2},
            "mine: expected neither gpus nor gpu_memory where the engine is transformers, "
            "found 'gpus'",
        ),
        (
            "datasets",
            DATASET | {"subset": {"rule": "all", "problems": 10}},
            "mine.subset: expected no key but rule where that is all, found 'problems'",
        ),
        (
            "datasets",
            DATASET | {"subset": {"rule": "uniform"}},
            "mine.subset: missing key 'problems', 'seed'",
        ),
        (
            "datasets",
            DATASET | {"subset": DATASET["subset"] | {"rule": "by_level"}},
            "mine: missing key 'level'",
        ),
        (
            "datasets",
            GENERATOR | {"split": "validation"},
            "mine.split: expected one of test, train, found 'validation'",
        ),
        (
            "datasets",
            GENERATOR | {"answers": "all"},
            "mine: expected no key that says how a file or a data set of the Hub is read beside "
            "generator, found 'answers'",
        ),
        (
            "datasets",
            DATASET | {"split": "train[:200]"},
            "mine.split: expected the name of one split (a part of it is a matter of subset), "
            "found 'train[:200]'",
        ),
        (
            "datasets",
            DATASET | {"split": "all"},
            "mine.split: expected the name of one split (a part of it is a matter of subset), "
            "found 'all'",
        ),
        (
            "datasets",
            without(FILE, "file"),
            "mine: expected exactly one of generator, hub, file, found none of them",
        ),
        (
            "datasets",
            FILE | {"generator": "chains", "problems": 3, "split": "test"},
            "mine: expected exactly one of generator, hub, file, found generator and file\n"
            "mine: expected no key that says how a file or a data set of the Hub is read beside "
            "generator, found 'answer'\n"
            "mine: expected no key that says how a file or a data set of the Hub is read beside "
            "generator, found 'question'",
        ),
        (
            "datasets",
            FILE | {"config": "main"},
            "mine: 'config' needs hub beside it",
        ),
        (
            "datasets",
            DATASET | {"sha256": "0" * 64},
            "mine: 'sha256' needs file beside it",
        ),
        ("datasets", without(FILE, "answer"), "mine: 'file' needs question, answer beside it"),
        (
            "datasets",
            FILE | {"file": "my/problems.xlsx"},
            "mine.file: expected a path that ends in .jsonl, .json (a list), .csv or .parquet, "
            "without any of {}<>, found 'my/problems.xlsx'",
        ),
        (
            "datasets",
            FILE | {"file": "my/{dataset}.csv"},  # which Snakemake would take for a wildcard
            "mine.file: expected a path that ends in .jsonl, .json (a list), .csv or .parquet, "
            "without any of {}<>, found 'my/{dataset}.csv'",
        ),
        (
            "datasets",
            FILE | {"answers": "both"},
            "mine.answers: expected one of all, any, found 'both'",
        ),
        (
            "datasets",
            FILE | {"subset": DATASET["subset"] | {"rule": "by_level"}},
            "mine: missing key 'level'",
        ),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(check, kind, entry, message):
    assert check(kind, entry) == message


@pytest.mark.parametrize("name", ["Mine", "a/b", "a b", "-a", "a|b"])
def test_names_can_stand_in_a_path_and_a_pattern(check, name):
    assert check("models", MODEL, name) == (
        "expected a name of lower case letters, digits, dots and hyphens, other than all, "
        f"found {name!r}"
    )


def test_all_faults_of_a_file_are_named_at_once(check):
    message = check("models", MODEL | {"context": 0, "label": ""})
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("a", True), ("models/mine", True), ("/home/some body/my model", True), ("a/..b/c..", True),
        ("..", False), ("a/../b", False), ("a/..", False), ("~/model", False), ("a/{b}", False),
        ("a/", False), ("/", False), (" a", False), ("a ", False), ("", False),
    ],
)  # fmt: skip
def test_a_model_lies_in_any_folder_whose_name_means_itself(check, path, good):
    found = check("models", without(MODEL, "hub", "revision", "gated") | {"path": path})
    assert (found is None) == good


def test_a_key_that_occurs_twice_is_refused(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text("mine: {a: 1}\nother: {b: 1, b: 2}\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"the key 'b' occurs twice(?s:.)*line 2"):
        catalogue.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "found None"), ("[a, b]", "found \\['a', 'b'\\]"), ("a: [", "expected (the )?node")],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, message):
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=message):
        catalogue.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CatalogueError, match=r"models\.yaml: no such file"):
        catalogue.read(tmp_path / "models.yaml")


def test_entries_are_picked_in_the_order_asked_for():
    found = catalogue.pick({"a": 1, "b": 2, "c": 3}, ["c", "a"], "config/models.yaml", "models")
    assert list(found.items()) == [("c", 3), ("a", 1)]


def test_an_unknown_name_lists_the_offers_and_near_ones_first():
    offers = {"testbed-small": 1, "qwen3-4b": 2, "qwen3-0.6b": 3}
    with pytest.raises(CatalogueError) as caught:
        catalogue.pick(offers, ["qwen3-4b", "qwen3-0.6"], "config/models.yaml", "models")
    assert str(caught.value) == (
        "models: 'qwen3-0.6' is not in config/models.yaml. "
        "It offers: qwen3-0.6b, qwen3-4b, testbed-small"
    )


def test_a_table_of_keys_has_a_row_for_every_key():
    schema = {
        "properties": {
            "a": {"description": "First.", "type": "integer", "minimum": 1},
            "b": {
                "description": "Second.",
                "type": "object",
                "properties": {"c": {"description": "Third.", "enum": ["x", "y|z"]}},
            },
        }
    }
    assert catalogue.describe(schema).splitlines()[2:] == [
        "| `a` | a whole number >= 1 | First. |",
        "| `b` |  | Second. |",
        "| `b.c` | one of x, y\\|z | Third. |",
    ]


def test_a_null_revision_becomes_the_recorded_one_and_no_other_does():
    recorded = {"a/b": {"revision": COMMIT, "sha256": {}}}
    entries = {
        "open": {"hub": "a/b", "revision": None},
        "fixed": {"hub": "a/b", "revision": "f" * 40},
        "unknown": {"hub": "c/d", "revision": None},
        "local": {"path": "a"},
    }
    found = catalogue.resolve(entries, recorded)
    assert found == entries | {"open": {"hub": "a/b", "revision": COMMIT}}


def test_a_lock_holds_commits_and_hashes_of_either_kind(root, tmp_path):
    schema = root / "workflow/schemas/revisions.schema.yaml"
    path = tmp_path / "revisions.lock.yaml"
    entry = {"revision": COMMIT, "sha256": {"model.safetensors": "0" * 64}}
    path.write_text(yaml.safe_dump({"models": {"a/b": entry}, "datasets": {}}))
    assert catalogue.load(path, schema)["models"]["a/b"] == entry
    path.write_text(yaml.safe_dump({"models": {}, "datasets": {"a/b": {"revision": "main"}}}))
    with pytest.raises(CatalogueError) as caught:
        catalogue.load(path, schema)
    assert str(caught.value).splitlines() == [
        f"{path}: datasets.a/b: missing key 'sha256'",
        f"{path}: datasets.a/b.revision: expected a commit of 40 hexadecimal digits, found 'main'",
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"max_position_embeddings": 128},
        {"n_positions": 128},
        {"text_config": {"max_position_embeddings": 128}},
    ],
)
def test_a_context_beyond_the_models_positions_is_refused_by_both_numbers(tmp_path, said):
    (tmp_path / "config.json").write_text(json.dumps(said), encoding="utf-8")
    entry = {"path": str(tmp_path), "context": 128}
    models = {"fetched": {"hub": "a/b", "context": 10**6}, "mine": entry}
    catalogue.refuse_context(models, "models.yaml")
    models["mine"] = entry | {"context": 129}
    message = r"models\.yaml: mine\.context: expected at most the 128 positions of .*, found 129"
    with pytest.raises(CatalogueError, match=message):
        catalogue.refuse_context(models, "models.yaml")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"text_config": 3}'])
def test_a_configuration_that_says_nothing_limits_no_context(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    catalogue.refuse_context({"mine": {"path": str(tmp_path), "context": 9}}, "models.yaml")
    (tmp_path / "config.json").unlink()
    catalogue.refuse_context({"mine": {"path": str(tmp_path), "context": 9}}, "models.yaml")


def test_every_file_of_a_checkpoint_is_read_and_what_it_lacks_is_listed(tmp_path):
    for name in ("README.md", ".cache", "tokenizer.json"):
        (tmp_path / name).touch()
    lacking = [f"{tmp_path}/{name}" for name in ("config.json", "model.safetensors")]
    assert catalogue.checkpoint(tmp_path) == [*lacking, f"{tmp_path}/tokenizer.json"]
    (tmp_path / "pytorch_model.bin").touch()
    assert f"{tmp_path}/model.safetensors" in catalogue.checkpoint(tmp_path)


def test_every_shard_of_a_checkpoint_is_listed_there_or_not(tmp_path):
    shards = ["model-1-of-2.safetensors", "model-2-of-2.safetensors"]
    index = {"weight_map": {"a": shards[0], "b": shards[1], "c": shards[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    names = ["config.json", *shards, "model.safetensors.index.json"]
    expected = [f"{tmp_path}/{name}" for name in names]
    assert catalogue.checkpoint(tmp_path) == expected
    (tmp_path / shards[0]).touch()
    assert catalogue.checkpoint(tmp_path) == expected
    for unreadable in ("", "[]", '{"weight_map": 3}'):
        (tmp_path / "model.safetensors.index.json").write_text(unreadable)
        assert set(catalogue.checkpoint(tmp_path)) == set(expected) - {expected[2]}


def test_templates_are_read_wherever_they_lie(tmp_path):
    names = [
        "additional_chat_templates/tool_use.jinja", "chat_template.jinja", "config.json",
        "generation_config.json", "model.safetensors",
    ]  # fmt: skip
    for name in (*names, "original/consolidated.pth"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert catalogue.checkpoint(tmp_path) == [f"{tmp_path}/{name}" for name in names]


CHAINS = {"generator": "chains", "split": "train"}
GSM = {"hub": "openai/gsm8k", "config": "main", "split": "train"}
OVERLAPS = [
    (CHAINS, CHAINS, True),
    (CHAINS, CHAINS | {"split": "test"}, False),
    (CHAINS, CHAINS | {"generator": "factors"}, False),
    (GSM, GSM | {"hub": "OpenAI/GSM8K", "subset": {"rule": "uniform"}}, True),
    (GSM, without(GSM, "config"), True),  # which may be the same one
    (GSM, GSM | {"config": "socratic"}, False),
    (GSM, GSM | {"split": "test"}, False),
    ({"file": "my/a.jsonl"}, {"file": "./my/../my/a.jsonl", "split": "test"}, True),
    ({"file": "my/a.jsonl"}, {"file": "my/link.jsonl"}, True),
    ({"file": "my/a.jsonl"}, {"file": "my/b.jsonl"}, False),
    ({"file": "my/a.jsonl"}, GSM, False),
    (CHAINS, GSM, False),
]


@pytest.mark.parametrize(("one", "other", "same"), OVERLAPS)
def test_nothing_of_the_training_sets_origin_is_evaluated(tmp_path, monkeypatch, one, other, same):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my").mkdir()
    (tmp_path / "my/a.jsonl").touch()
    (tmp_path / "my/link.jsonl").symlink_to("a.jsonl")
    for pair in ({"a": one, "b": other}, {"a": other, "b": one}):
        if same:
            with pytest.raises(CatalogueError, match=r"b is of the same .* training.dataset \(a\)"):
                catalogue.refuse_overlap(pair, "a", ["b"], "training.dataset")
            assert catalogue.apart(pair, "a", ["b"]) == []
        else:
            assert catalogue.apart(pair, "a", ["b"]) == ["b"]
            catalogue.refuse_overlap(pair, "a", ["b"], "training.dataset")


def test_the_origin_of_a_data_set_is_its_generator_its_repository_or_its_file():
    assert [catalogue.origin(entry) for entry in (CHAINS, GSM, {"file": "my/a.jsonl"})] == [
        "chains",
        "openai/gsm8k",
        "my/a.jsonl",
    ]
