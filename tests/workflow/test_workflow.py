"""The workflow as a user runs it: a smoke run from a clean copy, and what is planned after it."""

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
from helpers.repository import ROOT, copy_to, planned, snakemake

from cliff_tokens import provenance, tables

SMOKE = ("--configfile", "config/smoke.yaml")
SAMPLING = {
    "select_problems", "sample_traces", "score_tokens", "roll_out", "join_potential",
    "plan_branches", "roll_out_branches", "join_branches",
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished smoke run."""
    folder = copy_to(tmp_path_factory.mktemp("smoke") / "repository")
    done = snakemake(folder, *SMOKE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def fresh(tmp_path):
    """A copy without results."""
    return copy_to(tmp_path / "repository")


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
    assert len(list(results.glob("figures/*.svg"))) == 15
    assert len(list(results.glob("tables/*.csv"))) == 17
    assert not list(results.rglob("*.unfinished"))


def test_the_simulated_catalogue_holds_what_trains_something_and_no_more(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "repository", symlinks=True)
    path = "results/smoke/cliffs/{}/testbed-small/chains-train.parquet"
    done = snakemake(folder, *SMOKE, "--", path.format("simulated"))
    assert done.returncode == 0, done.stdout + done.stderr
    simulated, own = (
        set(tables.read(folder / path.format(name), "cliffs")["kind"])
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


def test_another_threshold_reruns_detection_and_what_follows_but_no_sampling(finished, tmp_path):
    changed = tmp_path / "threshold.yaml"
    changed.write_text("cliffs: {margin: 0.15}\n")
    jobs = planned(finished, *SMOKE, str(changed))
    assert jobs["detect_cliffs"] == 3  # of two estimators, and of the training set
    assert jobs["resample_cliffs"] == 2
    assert not SAMPLING & set(jobs)


def test_candidates_take_over_branches_only_where_these_did_not_select_the_cliffs(finished):
    target = "results/smoke/candidates/recursive/testbed-small/chains.parquet"
    done = snakemake(finished, *SMOKE, "--", target)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {
        estimator: tables.read(finished / target.replace("recursive", estimator), "candidates")
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
        ("cliffs", {"detect_cliffs", "resample_cliffs"}, SAMPLING),
        (
            "resampling",
            {"resample_cliffs", "resample_cut_points"},
            SAMPLING | {"detect_cliffs", "table_accuracy"},
        ),
        ("cut_points", {"resample_cut_points"}, SAMPLING | {"detect_cliffs", "resample_cliffs"}),
        ("candidates", {"estimate_candidates", "table_hazard"}, SAMPLING | {"resample_cliffs"}),
        (
            "tokens",
            {"score_tokens", "detect_cliffs"},
            {"sample_traces", "roll_out", "join_potential"},
        ),
    ],
)
def test_a_bumped_revision_reruns_its_stage_and_its_descendants(finished, stage, first, spared):
    ledger = finished / "src/cliff_tokens/revisions.py"
    text = ledger.read_text()
    ledger.write_text(re.sub(rf'("{stage}": )(\d+)', r"\g<1>999", text))
    try:
        jobs = set(planned(finished, *SMOKE))
    finally:
        ledger.write_text(text)
    assert first <= jobs
    assert not spared & jobs


def test_the_report_builds_and_needs_no_network(finished):
    done = snakemake(finished, *SMOKE, "--report", "report.html")
    assert done.returncode == 0, done.stdout + done.stderr
    report = (finished / "report.html").read_text()
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


def test_equal_runs_give_equal_bytes(finished):
    path = "results/smoke/resampling/independent/testbed-small/chains.parquet"
    before = (finished / path).read_bytes()
    done = snakemake(finished, *SMOKE, "--forcerun", "resample_cliffs", "--", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (finished / path).read_bytes() == before


def test_a_truncated_input_stops_its_rule_by_name_and_leaves_nothing(finished):
    path = finished / "results/smoke/estimates/independent/testbed-small/chains.parquet"
    content = path.read_bytes()
    target = "results/smoke/cliffs/independent/testbed-small/chains.parquet"
    output = finished / target
    kept = output.read_bytes()
    path.write_bytes(content[:2000])
    try:
        done = snakemake(finished, *SMOKE, "--forcerun", "detect_cliffs", "--", target)
        assert done.returncode != 0
        assert "chains.parquet: not a readable parquet file" in done.stdout + done.stderr
        assert not output.exists()
    finally:
        path.write_bytes(content)
        output.parent.mkdir(parents=True, exist_ok=True)  # Snakemake removes an empty folder
        output.write_bytes(kept)


def test_estimators_are_scored_against_a_reference_and_their_cost_against_its_prediction(finished):
    assert set(planned(finished, *SMOKE, "--", "cost")) == {"cost", "table_cost"}
    done = snakemake(finished, *SMOKE, "--", "truth", "cost")
    assert done.returncode == 0, done.stdout + done.stderr
    results = finished / "results" / "smoke"
    for name in ("estimators", "truth", "simulation", "cost", "cost_used"):
        assert (results / f"tables/table_{name}.md").stat().st_size > 200, name
    assert (results / "figures/figure_estimators.svg").stat().st_size > 1000
    assert planned(finished, *SMOKE, "--", "truth", "cost") == {}


def test_a_pair_of_models_is_compared_and_no_pair_leaves_it_out(finished):
    (finished / "pair.yaml").write_text(
        "models: [testbed-small, testbed-large]\n"
        "agreement: {pairs: [[testbed-small, testbed-large]]}\n"
    )
    results = finished / "results" / "smoke"
    assert not list(results.glob("**/*agreement*"))
    numbers = ("04_cliff_mass_and_transfer", "11_delta_cpm", "12_ranks_deterministic")
    targets = [
        "results/smoke/tables/table_agreement.md",
        *(f"results/smoke/figures/figure_{number}.svg" for number in numbers),
    ]
    done = snakemake(finished, *SMOKE, "pair.yaml", "--", *targets)
    assert done.returncode == 0, done.stdout + done.stderr
    path = results / "agreement/independent/testbed-small--testbed-large/chains.parquet"
    scored = tables.read(path, "agreement")
    cliffs = tables.read(results / "cliffs/independent/testbed-small/chains.parquet", "cliffs")
    own = scored[scored["group"].eq("cliff") & scored["is_sampled"]]
    assert sorted(own["cliff_id"]) == sorted(cliffs["cliff_id"])
    for target in targets:
        assert (finished / target).stat().st_size > 200
        # Other tests see the run as its plan leaves it.
        for path in (finished / target).parent.glob(f"{Path(target).stem}.*"):
            path.unlink()


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


def test_a_run_without_independent_rollouts_has_no_audit_and_is_scored_all_the_same(fresh):
    (fresh / "recursive.yaml").write_text("potential: {estimators: [recursive], main: recursive}\n")
    jobs = planned(fresh, "--configfile", "recursive.yaml", "--", "all", "truth", "cost")
    assert not {"roll_out", "audit_cliffs", "table_audit", "figure_audit"} & set(jobs)
    assert {"table_estimators", "table_truth", "table_simulation"} <= set(jobs)


@pytest.mark.parametrize(
    "target", ["figures", "tables", "scorecard", "provenance", "figure_02_share_with_cliff"]
)
def test_every_documented_target_is_there_by_its_name(finished, target):
    assert planned(finished, *SMOKE, "--", target) in ({}, {target: 1})


def test_the_papers_plan_is_static_and_complete(fresh):
    jobs = planned(fresh, "--configfile", "config/paper.yaml")
    assert jobs["sample_traces"] == jobs["score_tokens"] == 7 * 3 + 3  # and three are trained
    # Of those three, cliffs of the recursion and of the simulated protocol.
    assert jobs["resample_cliffs"] == jobs["estimate_candidates"] == 7 * 3 + 3 * 2
    assert jobs["resample_cut_points"] == 7 * 3
    assert jobs["roll_out"] == 7 * 3 * 16
    assert jobs["select_problems"] == jobs["fetch_problems"] == 8
    assert jobs["fetch_model"] == 7
    assert jobs["score_agreement"] == 4 * 3


def test_the_papers_evaluation_takes_every_policy_through_the_full_sets(fresh):
    jobs = planned(fresh, "--configfile", "config/paper.yaml", "--", "dpo")
    plan = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["training"]
    policies = len(plan["models"]) * (1 + len(plan["variants"])) * len(plan["seeds"])
    assert jobs["evaluate_model"] == jobs["recount_cliffs"] == policies
    assert jobs["select_problems"] == 8  # trained on, evaluated on (4), traced again (3)


def test_the_papers_adapters_are_planned(fresh):
    jobs = planned(fresh, "--configfile", "config/paper.yaml", "--", "dpo")
    assert jobs["build_pairs"] == 3 * 9  # models, variants
    assert jobs["train_cliff_dpo"] == 3 * 9 * 3  # and seeds
    # The deterministic variant has a catalogue of its own, of simulated counts.
    assert jobs["simulate_published"] == 3
    assert jobs["detect_cliffs"] == 3 * 2


def test_a_training_set_is_traced_and_gets_no_independent_rollouts(fresh):
    jobs = planned(fresh, *SMOKE)
    assert jobs["sample_traces"] == jobs["roll_out_branches"] == 2  # the run's set and this one
    assert jobs["roll_out"] == 2  # shards of the run's set
    assert jobs["resample_cut_points"] == 1


def test_an_own_model_needs_no_word_on_training_or_pairs(fresh):
    (fresh / "mine.yaml").write_text("models: [testbed-large]\n")
    jobs = planned(fresh, "--configfile", "mine.yaml")
    assert jobs["sample_traces"] == 3
    assert not {"train_cliff_dpo", "score_agreement", "figure_dpo_accuracy"} & set(jobs)


def test_the_slurm_profile_plans_the_paper_without_a_cluster(fresh):
    assert planned(fresh, "--profile", "slurm") == planned(
        fresh, "--configfile", "config/paper.yaml"
    )
    # Groups that would wait for themselves are refused here.
    (fresh / "adaptive.yaml").write_text("potential: {estimators: [independent, adaptive]}\n")
    files = ("config/paper.yaml", "adaptive.yaml")
    targets = ("all", "truth", "cost", "cost_plan")
    jobs = planned(fresh, "--profile", "slurm", "--configfile", *files, "--", *targets)
    assert jobs["plan_second_round"] == 7 * 3


def test_the_cost_of_the_paper_is_predicted_from_its_plan_alone(fresh):
    done = snakemake(fresh, "--configfile", "config/paper.yaml", "--", "cost_plan")
    assert done.returncode == 0, done.stdout + done.stderr
    found = pd.read_csv(fresh / "results/paper/tables/table_cost_plan.csv")
    assert found["rollouts"].notna().all()
    found = found[found["dataset"].eq("all")].set_index(["purpose", "stage"])
    # Three models, three seeds, nine variants and base; AIME25 64 times and greedily.
    assert found.loc[("evaluation", "traces"), "n"] == 3 * 3 * 10 * (1319 + 1205 + 500 + 30 * 65)
    found = found.loc["analysis"]
    assert found.loc["traces", "n"] == 7 * 230
    # The release has 1,261,398 tokens in its traces, and 64 rollouts at each.
    assert found.loc["traces", "generated_tokens"] == pytest.approx(1_261_398, rel=0.001)
    assert found.loc["independent", "rollouts"] == pytest.approx(64 * 1_261_398, rel=0.001)
    assert found["hours"].isna().all()  # without a speed


def test_a_run_whose_commits_are_unknown_is_planned_and_not_started(fresh):
    (fresh / "config/revisions.lock.yaml").unlink(missing_ok=True)
    path = "results/paper/problems/gsm1k-100.parquet"
    arguments = ("--configfile", "config/paper.yaml", "--", path)
    assert planned(fresh, *arguments) == {"fetch_problems": 1, "select_problems": 1}
    done = snakemake(fresh, *arguments)
    assert done.returncode != 0
    printed = done.stdout + done.stderr
    assert "No commit is known of the data set ScaleAI/gsm1k. `snakemake" in printed
    assert "resolve_revisions" in printed
    assert not (fresh / "logs/paper/fetch_problems").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [testbed-smal]", "'testbed-smal' is not in config/models.yaml"),
        ("datasets: [chain]", "'chain' is not in config/datasets.yaml"),
        ("cliffs: {marign: 0.1}", "marign"),
        (
            "evaluation: {datasets: [{name: chains-train-large, samples: 0, in_domain: true}]}",
            "chains-train-large is of the same source and split as training.dataset",
        ),
        ("potential: {rollouts: 0}", "rollouts|minimum"),
        (
            "agreement: {pairs: [[testbed-small, testbed-larg]]}",
            "agreement.pairs: 'testbed-larg' is not in config/models.yaml",
        ),
        ("training: {dataset: chain-train}", "training.dataset: 'chain-train' is not in"),
        ("training: {variants: [base]}", "base"),
    ],
)
def test_a_mistake_in_the_plan_is_named_before_anything_runs(fresh, text, said):
    (fresh / "wrong.yaml").write_text(text + "\n")
    done = snakemake(fresh, "-n", "--configfile", "wrong.yaml")
    assert done.returncode != 0
    assert re.search(said, done.stdout + done.stderr)


def test_a_missing_checkpoint_is_named_before_anything_runs(fresh):
    (fresh / "resources/testbed/testbed-small/model.safetensors").unlink()
    done = snakemake(fresh, "-n", *SMOKE)
    assert done.returncode != 0
    assert "resources/testbed/testbed-small/model.safetensors" in done.stdout + done.stderr


def test_every_command_of_the_readme_is_planned_as_written(fresh):
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", text, re.S)
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert any(line.startswith("make run") for line in commands)
    assert any(line.startswith("make test") for line in commands)
    for line in commands:
        words = line.split("#")[0].split()
        if words[0] == "snakemake" and "--report" not in words:
            done = snakemake(fresh, "-n", *words[1:])
            assert done.returncode == 0, line + done.stdout + done.stderr
        elif words[0] == "make":
            subprocess.run(["make", "-n", *words[1:]], cwd=fresh, check=True, capture_output=True)


def test_documented_keys_are_looked_up_by_some_rule():
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    text = (text + (ROOT / "Snakefile").read_text()).replace("'", '"')
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    for name, section in schema["properties"].items():
        for key in section.get("properties", {"": {}}):
            spelled = (
                (f'"{name}/{key}"', f'["{name}"]["{key}"]')
                if key
                else (
                    f'"{name}"',
                    f'["{name}"]',
                )
            )
            assert any(text.find(spelling) >= 0 for spelling in spelled), f"{name}.{key} is unused"


def test_a_run_may_do_without_independent_rollouts(fresh):
    (fresh / "lean.yaml").write_text("potential: {estimators: [recursive], main: recursive}\n")
    jobs = planned(fresh, *SMOKE, "lean.yaml")
    assert jobs["roll_out_branches"] == jobs["resample_cliffs"] == 2  # one of the training set
    assert not {"roll_out", "audit_cliffs", "figure_audit"} & set(jobs)


def test_a_main_estimator_that_the_run_does_not_make_is_refused(fresh):
    (fresh / "wrong.yaml").write_text("potential: {estimators: [recursive]}\n")
    done = snakemake(fresh, "-n", *SMOKE, "wrong.yaml")
    assert done.returncode != 0
    assert "potential.main: 'independent' is not among" in done.stdout + done.stderr
