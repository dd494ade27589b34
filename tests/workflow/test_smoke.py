"""A smoke run from a clean copy, and what is planned and made after it.

The run is made once and is read only; a test that changes it changes a copy.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from helpers.repository import ROOT, SMOKE, planned, snakemake

from cliff_tokens import catalogue, paper_index, provenance, tables

SAMPLING = {"select_problems", "sample_traces", "score_tokens", "plan_independent", "plan_branches"}


@pytest.fixture
def copied(finished, tmp_path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "repository", symlinks=True))


def test_the_smoke_run_makes_every_table_and_figure(finished):
    results = finished / "results" / "smoke"
    for path in (
        "traces", "tokens", "potential", "cliffs/independent", "cliffs/recursive",
        "resampling/independent", "candidates/independent", "cut_points/independent",
    ):  # fmt: skip
        noun = path.split("/")[0]
        assert len(tables.read(results / path / "testbed-small/chains.parquet", noun)) > 0
    for picture in results.glob("figures/*.svg"):
        assert picture.with_suffix(".pdf").stat().st_size > 1000
        assert picture.with_suffix(".csv").stat().st_size > 20
    index = paper_index.complete(catalogue.read(ROOT / "config/paper_index.yaml"))
    have = ["audit", "dpo"]  # one model, so that no pair is compared
    for kind, made in (("figure", "figures/*.svg"), ("table", "tables/table_*.csv")):
        expected = set(paper_index.exhibits(index, kind, have))
        assert {path.stem for path in results.glob(made)} == expected
    assert not list(results.rglob("*.unfinished"))


def test_the_simulated_catalogue_holds_what_trains_something_and_no_more(copied):
    path = "results/smoke/cliffs/{}/testbed-small/chains-train.parquet"
    done = snakemake(copied, *SMOKE, "--", path.format("simulated"))
    assert done.returncode == 0, done.stdout + done.stderr
    simulated, own = (
        set(tables.read(copied / path.format(name), "cliffs")["kind"])
        for name in ("simulated", "recursive")
    )
    assert simulated <= {"deterministic"}
    assert own - {"deterministic"}


def test_rollouts_of_correct_traces_are_graded_as_their_traces_were(finished):
    results = finished / "results" / "smoke"
    traces = tables.read(results / "traces/testbed-small/chains.parquet", "traces")
    counts = tables.read(results / "potential/testbed-small/chains.parquet", "potential")
    last = counts.sort_values("t").groupby("trace_id").last()
    for trace in traces.itertuples():
        share = last.loc[trace.trace_id, "successes"] / last.loc[trace.trace_id, "rollouts"]
        if trace.finish == "stop":  # only the end of sequence is missing: all rollouts agree
            assert share == (trace.verdict == "correct")


@pytest.mark.parametrize("name", ["01_read_a_trace", "02_detect_on_your_own_counts"])
def test_a_notebook_runs_from_top_to_bottom(finished, name):
    book = nbformat.read(finished / f"notebooks/{name}.ipynb", as_version=4)
    assert len(list((ROOT / "notebooks").glob("*.ipynb"))) == 2
    lines = []
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []  # numbers come from runs, not from the repository
            lines.append(cell.source)
        if "parameters" in cell.metadata.get("tags", []):
            lines.append('RUN = "../results/smoke"')
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=finished / "notebooks",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "cliffs" in done.stdout


def test_a_second_run_does_nothing(finished):
    assert planned(finished, *SMOKE) == {}


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
    assert jobs["detect_cliffs"] == 3  # of two estimators, and of the training set
    assert jobs["plan_resampling"] == 2
    assert not SAMPLING & set(jobs)


def test_candidates_take_over_branches_only_where_these_did_not_select_the_cliffs(copied):
    target = "results/smoke/candidates/recursive/testbed-small/chains.parquet"
    done = snakemake(copied, *SMOKE, "--", target)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {
        estimator: tables.read(copied / target.replace("recursive", estimator), "candidates")
        for estimator in ("independent", "recursive")
    }
    others = {name: frame[~frame["is_sampled"]] for name, frame in rows.items()}
    assert others["independent"]["reused"].sum() > 0
    assert others["recursive"]["reused"].sum() == 0
    assert (rows["recursive"].loc[rows["recursive"]["is_sampled"], "reused"] == 16).all()


def test_another_interval_reruns_tables_and_figures_only(finished, tmp_path):
    changed = tmp_path / "interval.yaml"
    changed.write_text("statistics: {confidence: 0.9}\n")
    jobs = set(planned(finished, *SMOKE, str(changed)))
    assert jobs
    outward = ("table_", "figure_", "example_", "scorecard", "write_manifest", "provenance", "all")
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


def test_the_report_builds_and_needs_no_network(copied):
    done = snakemake(copied, *SMOKE, "--report", "report.html")
    assert done.returncode == 0, done.stdout + done.stderr
    report = (copied / "report.html").read_text()
    assert "Cliff" in report
    for category in ("1 Scorecard", "2 Figures", "3 Tables", "4 Provenance"):
        assert category in report
    assert not re.search(r"""<(?:script|link)[^>]+(?:src|href)=["']https?:""", report)


def test_a_number_of_a_figure_is_followed_back_to_its_traces(finished, monkeypatch):
    monkeypatch.chdir(finished)
    model, dataset = "testbed-small", "chains"
    figure = "results/smoke/figures/figure_02_share_with_cliff.csv"
    values = pd.read_csv(figure)
    shown = values[values["dataset"].eq(dataset) & values["outcome"].eq("incorrect")].iloc[0]

    def follow(path: str, noun: str) -> str:
        """The input of that noun which the file was made from, unchanged since it was read."""
        inputs = provenance.read(path)["inputs"]
        (found,) = [name for name in inputs if name.startswith(f"results/smoke/{noun}/")]
        assert provenance.sha256(found) == inputs[found]
        return found

    cliffs = follow(figure, "cliffs")
    traces = follow(figure, "traces")
    found = tables.read(cliffs, "cliffs")
    answers = tables.read(traces, "traces")
    failed = answers.loc[answers["verdict"] != "correct", "trace_id"]
    assert shown["n"] == len(failed)
    assert shown["with_cliff"] == failed.isin(found["trace_id"]).sum()
    # A cliff is a drop of an estimate, an estimate is made of counts, and those are of the traces.
    estimates = follow(cliffs, "estimates")
    drops = tables.read(estimates, "estimates").set_index(["trace_id", "t"])
    counts = tables.read(follow(estimates, "potential"), "potential")
    shares = counts.set_index(["trace_id", "t"])
    for cliff in found.itertuples():
        assert drops.loc[(cliff.trace_id, cliff.t), "before"] == cliff.before
        prefix = shares.loc[(cliff.trace_id, cliff.t - 1)]
        assert prefix["successes"] / prefix["rollouts"] == cliff.before
    assert follow(cliffs, "traces") == follow(estimates, "traces") == traces
    # The traces come from problems and from weights that are shipped.
    assert follow(traces, "problems") == f"results/smoke/problems/{dataset}.parquet"
    weights = f"resources/testbed/{model}/model.safetensors"
    assert provenance.read(traces)["inputs"][weights] == provenance.sha256(weights)


def test_the_manifest_holds_every_file_and_verifies(finished):
    results = finished / "results" / "smoke"
    checked, wrong = provenance.verify(results)
    assert not wrong
    files = json.loads((results / "provenance/manifest.json").read_text())["files"]
    assert checked == len(files)
    made = {path for path, entry in files.items() if entry["rule"]}
    for pattern in ("figures/*.svg", "figures/*.pdf", "tables/*.csv", "tables/*.md", "traces/*/*"):
        for path in results.glob(pattern):
            assert str(path.relative_to(finished)) in made
    graph = (results / "provenance/rulegraph.mmd").read_text()
    assert "  detect_cliffs --> table_accuracy\n" in graph
    assert yaml.safe_load((results / "provenance/config.yaml").read_text())["run"] == "smoke"


def test_the_scorecard_of_other_models_holds_claims_and_no_published_number(finished):
    card = pd.read_csv(finished / "results/smoke/tables/scorecard.csv")
    words = {"agrees", "differs", "undecided", "not measurable in this run"}
    assert set(card["word"]) <= words
    measured = card[card["word"] != "not measurable in this run"]
    assert len(measured) > 3
    assert measured["published"].isna().all()
    assert measured["note"].str.startswith("claim: ").all()


def test_equal_runs_give_equal_bytes(copied):
    drawn = "results/smoke/rollouts/resampling/independent/testbed-small/chains/shard-1.parquet"
    path = "results/smoke/resampling/independent/testbed-small/chains.parquet"
    before = [(copied / name).read_bytes() for name in (drawn, path)]
    done = snakemake(copied, *SMOKE, "--forcerun", drawn, "--", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "roll_out" in done.stdout + done.stderr
    assert [(copied / name).read_bytes() for name in (drawn, path)] == before


def test_a_truncated_input_stops_its_rule_by_name_and_leaves_nothing(copied):
    path = copied / "results/smoke/estimates/independent/testbed-small/chains.parquet"
    target = "results/smoke/cliffs/independent/testbed-small/chains.parquet"
    path.write_bytes(path.read_bytes()[:2000])
    done = snakemake(copied, *SMOKE, "--forcerun", "detect_cliffs", "--", target)
    assert done.returncode != 0
    assert "chains.parquet: not a readable parquet file" in done.stdout + done.stderr
    assert not (copied / target).exists()


def test_estimators_are_scored_against_a_reference_and_their_cost_against_its_prediction(copied):
    assert set(planned(copied, *SMOKE, "--", "cost")) == {"cost", "table_cost"}
    done = snakemake(copied, *SMOKE, "--", "truth", "cost")
    assert done.returncode == 0, done.stdout + done.stderr
    results = copied / "results" / "smoke"
    for name in ("estimators", "truth", "simulation", "cost", "cost_used"):
        assert (results / f"tables/table_{name}.md").stat().st_size > 200, name
    assert (results / "figures/figure_estimators.svg").stat().st_size > 1000
    assert planned(copied, *SMOKE, "--", "truth", "cost") == {}


def test_a_pair_of_models_is_compared_and_no_pair_leaves_it_out(copied):
    (copied / "pair.yaml").write_text(
        "models: [testbed-small, testbed-large]\n"
        "agreement: {pairs: [[testbed-small, testbed-large]]}\n"
    )
    results = copied / "results" / "smoke"
    assert not list(results.glob("**/*agreement*"))
    numbers = ("04_cliff_mass_and_transfer", "11_delta_cpm", "12_ranks_deterministic")
    targets = [
        "results/smoke/tables/table_agreement.md",
        *(f"results/smoke/figures/figure_{number}.svg" for number in numbers),
    ]
    done = snakemake(copied, *SMOKE, "pair.yaml", "--", *targets)
    assert done.returncode == 0, done.stdout + done.stderr
    path = results / "agreement/independent/testbed-small--testbed-large/chains.parquet"
    scored = tables.read(path, "agreement")
    cliffs = tables.read(results / "cliffs/independent/testbed-small/chains.parquet", "cliffs")
    own = scored[scored["group"].eq("cliff") & scored["is_sampled"]]
    assert sorted(own["cliff_id"]) == sorted(cliffs["cliff_id"])
    for target in targets:
        assert (copied / target).stat().st_size > 200


def test_adapters_are_evaluated_beside_base_and_their_cliffs_counted_again(finished):
    done = snakemake(finished, *SMOKE, "--", "dpo")
    assert done.returncode == 0, done.stdout + done.stderr
    results = finished / "results" / "smoke"
    plan = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    for variant in ("base", *plan["training"]["variants"]):
        path = f"testbed-small/{variant}/seed-42.parquet"
        for table in ("evaluation", "recounts"):
            tables.read(results / table / path, table)
    base = tables.read(results / "evaluation/testbed-small/base/seed-42.parquet", "evaluation")
    assert base.groupby("decoding").size().to_dict() == {"greedy": 6, "sampled": 6}
    for name in ("accuracy", "cliffs", "cost"):
        assert (results / f"tables/table_dpo_{name}.md").stat().st_size > 200, name
    for name in ("accuracy", "positions", "cliffs", "training"):
        assert (results / f"figures/figure_dpo_{name}.svg").stat().st_size > 1000, name
    assert planned(finished, *SMOKE, "--", "dpo") == {}


@pytest.mark.parametrize(
    "target", ["figures", "tables", "scorecard", "provenance", "figure_02_share_with_cliff"]
)
def test_every_documented_target_is_there_by_its_name(finished, target):
    assert planned(finished, *SMOKE, "--", target) in ({}, {target: 1})


def test_a_second_reading_detects_anew_and_rolls_out_only_what_its_base_has_not(copied):
    (copied / "reading.yaml").write_text(
        "run: reading\nbase: smoke\ncliffs: {margin: 0.05}\ntraining: {models: []}\n"
    )
    plan = (*SMOKE, "reading.yaml")
    base, reading = copied / "results/smoke", copied / "results/reading"
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    jobs = planned(copied, *plan)
    assert not SAMPLING & set(jobs)
    assert not {"join_potential", "estimate_independent", "estimate_recursive"} & set(jobs)
    done = snakemake(copied, *plan)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before
    cell = "independent/testbed-small/chains.parquet"
    old, new = (tables.read(run / "cliffs" / cell, "cliffs") for run in (base, reading))
    assert set(old["cliff_id"]) < set(new["cliff_id"])  # a smaller margin: all of them, and more
    keys = ["cliff_id", "arm", "trace_id", "prefix_t"]
    arms = [tables.read(run / "resampling" / cell, "resampling") for run in (base, reading)]
    both = arms[0].merge(arms[1], on=keys, suffixes=("", "_again"))
    assert len(both) >= 2 * len(old)  # controls may be others, the cliffs' own arms are not
    assert (both["successes"] == both["successes_again"]).all()
    # Rows of the base were not rolled out again: what was drawn is what lacks.
    log = (copied / f"logs/reading/roll_out/resampling/{cell[:-8]}/shard-1.log").read_text()
    lacking = arms[1]["rollouts"].sum() - both["rollouts"].sum()
    assert f"{lacking} rollouts in" in log
    checked, wrong = provenance.verify(reading)
    assert checked
    assert not wrong
