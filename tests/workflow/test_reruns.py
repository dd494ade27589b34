"""What a change after a finished smoke run makes again, and what it leaves."""

import re

import pytest
from helpers.repository import SAMPLING, SMOKE, planned, snakemake

from cliff_tokens import provenance


def test_a_changed_file_of_a_model_reruns_what_opens_it(copied):
    path = copied / "resources/testbed/testbed-small/generation_config.json"
    path.write_text(path.read_text() + "\n")
    jobs = planned(copied, *SMOKE)
    assert {"sample_traces", "score_tokens", "roll_out", "train_cliff_dpo"} <= set(jobs)


def test_jobs_import_the_package_of_their_own_checkout(copied):
    # The environment has another checkout installed: that of these tests.
    version = copied / "src/cliff_tokens/__init__.py"
    version.write_text(
        re.sub(r'__version__ = "(.*)"', r'__version__ = "\1+copy"', version.read_text())
    )
    target = "results/smoke/problems/chains.parquet"
    done = snakemake(copied, *SMOKE, "--forcerun", "select_problems", "--", target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert provenance.read(copied / target)["package"].endswith("+copy")


def test_another_threshold_reruns_detection_and_what_follows_but_no_sampling(finished, tmp_path):
    changed = tmp_path / "threshold.yaml"
    changed.write_text("cliffs: {margin: 0.15}\n")
    jobs = planned(finished, *SMOKE, str(changed))
    assert jobs["detect_cliffs"] == 4  # of three estimators, and of the training set
    assert jobs["plan_resampling"] == 2
    assert not SAMPLING & set(jobs)


def test_another_interval_reruns_tables_and_figures_only(finished, tmp_path):
    changed = tmp_path / "interval.yaml"
    changed.write_text("statistics: {confidence: 0.9}\n")
    jobs = set(planned(finished, *SMOKE, str(changed)))
    assert jobs
    shown = ("table_", "figure_", "example_", "explorer", "article", "scorecard")
    outward = (*shown, "write_manifest", "provenance", "all")
    assert all(rule.startswith(outward) for rule in jobs)


@pytest.mark.parametrize(
    ("stage", "first", "spared"),
    [
        ("cliffs", {"detect_cliffs", "plan_resampling"}, SAMPLING),
        (
            "resampling",
            {"plan_resampling", "roll_out", "plan_cut_points"},
            SAMPLING | {"detect_cliffs", "table_accuracy"},
        ),
        ("cut_points", {"plan_cut_points", "roll_out"}, SAMPLING | {"plan_resampling"}),
        ("candidates", {"list_candidates", "table_hazard"}, SAMPLING | {"plan_resampling"}),
        ("tokens", {"score_tokens", "detect_cliffs"}, {"sample_traces", "plan_independent"}),
    ],
)
def test_a_bumped_revision_reruns_its_stage_and_its_descendants(copied, stage, first, spared):
    ledger = copied / "src/cliff_tokens/revisions.py"
    text = ledger.read_text()
    ledger.write_text(re.sub(rf'("{stage}": )(\d+)', r"\g<1>999", text))
    jobs = set(planned(copied, *SMOKE))
    assert first <= jobs
    assert not spared & jobs


def test_a_truncated_input_stops_its_rule_by_name_and_leaves_nothing(copied):
    path = copied / "results/smoke/estimates/independent/testbed-small/chains.parquet"
    target = "results/smoke/cliffs/independent/testbed-small/chains.parquet"
    path.write_bytes(path.read_bytes()[:2000])
    done = snakemake(copied, *SMOKE, "--forcerun", "detect_cliffs", "--", target)
    assert done.returncode != 0
    assert "chains.parquet: not a readable parquet file" in done.stdout + done.stderr
    assert not (copied / target).exists()
