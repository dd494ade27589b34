"""A run that reads what another run measured: which may, and what it takes."""

import copy

import pytest
import yaml
from helpers.repository import ROOT, merge

from cliff_tokens import base
from cliff_tokens.catalogue import CatalogueError, read

MEASURED = read(ROOT / "config/config.yaml")


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "provenance/config.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(MEASURED))
    return path


def reading(**changes):
    return merge(copy.deepcopy(MEASURED), {"run": "other", "base": "testbed", **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"cliffs": {"margin": 0.2}},
        {"potential": {"main": "recursive", "estimators": ["recursive"]}},
        {"models": ["testbed-small"], "datasets": ["chains"]},
        {"resampling": {"rollouts": 16}},
    ],
)
def test_another_rule_estimator_or_part_may_be_read(recorded, changes):
    base.check(reading(**changes), recorded)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 1}, r"seed: testbed was measured with 20260624, found 1"),
        ({"problems": {"limit": 3}}, r"problems: .* cannot change it"),
        ({"potential": {"rollouts": 8}}, r"potential\.rollouts: testbed was measured with 64"),
        ({"taxonomy": {"support": 0}}, r"taxonomy\.support"),
        ({"training": {"samples": 5}}, r"training\.samples: testbed was measured with 2, found 5"),
        ({"models": ["qwen3-8b"]}, r"models: testbed has no qwen3-8b; it offers testbed-small"),
        (
            {"potential": {"estimators": ["adaptive"], "main": "adaptive"}},
            r"potential\.estimators: testbed has no adaptive",
        ),
        ({"run": "testbed"}, r"base: testbed is this very run"),
    ],
)
def test_what_the_base_did_not_measure_is_refused_by_key(recorded, changes, said):
    with pytest.raises(CatalogueError, match=said):
        base.check(reading(**changes), recorded)


def test_a_base_that_did_not_finish_is_refused(tmp_path):
    with pytest.raises(CatalogueError, match="expected the run testbed to be finished"):
        base.check(reading(), tmp_path / "provenance/config.yaml")


def test_files_of_the_base_are_taken_under_equal_settings_only(recorded):
    folder = recorded.parents[1]
    for name in ("shard-2.parquet", "shard-1.parquet"):
        (folder / name).touch()
    files = base.files(reading(), str(folder), "shard-*.parquet", ["candidates/top"])
    assert [path.rsplit("/", 1)[1] for path in files] == ["shard-1.parquet", "shard-2.parquet"]
    other = reading(candidates={"top": 5})
    assert base.files(other, str(folder), "shard-*.parquet", ["candidates/top"]) == []
