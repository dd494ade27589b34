"""What is planned, by dry runs of a clean copy: nothing is run."""

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
import yaml
from helpers.repository import ROOT, SMOKE, copy_to, planned, snakemake

from cliff_tokens import tables
from cliff_tokens.stages import problems


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """Jobs per rule of the paper's own run."""
    folder = copy_to(tmp_path_factory.mktemp("paper") / "repository")
    return planned(folder, "--configfile", "config/paper.yaml")


def test_a_run_without_independent_rollouts_has_no_audit_and_is_scored_all_the_same(fresh):
    (fresh / "recursive.yaml").write_text("potential: {estimators: [recursive], main: recursive}\n")
    jobs = planned(fresh, *SMOKE, "recursive.yaml", "--", "all", "truth", "cost")
    assert not {"plan_independent", "audit_cliffs", "table_audit", "figure_audit"} & set(jobs)
    assert {"table_estimators", "table_truth", "figure_catalogues"} <= set(jobs)
    assert jobs["plan_resampling"] == 2  # one of the training set
    assert jobs["plan_branches"] == 2 + 1  # and the reference


def test_the_papers_plan_is_static_and_complete(papers):
    jobs = papers
    assert jobs["sample_traces"] == jobs["score_tokens"] == 7 * 3 + 3  # and three are trained
    # Of those three, cliffs of the recursion and of the simulated protocol.
    assert jobs["plan_resampling"] == jobs["list_candidates"] == 7 * 3 + 3 * 2
    assert jobs["plan_cut_points"] == 7 * 3
    # At every prefix, branches (of the training sets too), arms and candidates, and cut points.
    drawn = 7 * 3 * 16 + (7 * 3 + 3) * 4 + 2 * (7 * 3 + 3 * 2) + 7 * 3
    assert jobs["roll_out"] == drawn
    assert jobs["select_problems"] == jobs["fetch_problems"] == 8
    assert jobs["fetch_model"] == 7
    assert jobs["score_agreement"] == 4 * 3


def test_the_papers_evaluation_takes_every_policy_through_the_full_sets(papers):
    plan = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["training"]
    policies = len(plan["models"]) * (1 + len(plan["variants"])) * len(plan["seeds"])
    assert papers["evaluate_model"] == papers["recount_cliffs"] == policies
    assert papers["select_problems"] == 8  # trained on, evaluated on (4), traced again (3)


def test_the_papers_adapters_are_planned(papers):
    assert papers["build_pairs"] == 3 * 9  # models, variants
    assert papers["train_cliff_dpo"] == 3 * 9 * 3  # and seeds
    # The deterministic variant has a catalogue of its own, of simulated counts.
    assert papers["simulate_published"] == 3
    assert papers["detect_cliffs"] == 7 * 3 * 2 + 3 * 2  # of what is analysed, and trained on


@pytest.mark.parametrize(
    "names",
    [
        ["warm"], ["study"], ["dpo_study"], ["dpo_study", "dpo_kinds"], ["pretrained"],
        ["pretrained_dpo"], ["pretrained_published"],
    ],
)  # fmt: skip
def test_every_run_file_is_planned(fresh, names):
    jobs = planned(fresh, "--configfile", *(f"config/{name}.yaml" for name in names))
    assert jobs["sample_traces"] >= 1


def test_the_testbeds_training_is_planned_from_its_corpus_to_the_comparison(fresh):
    jobs = planned(fresh, "retrain")
    assert jobs["train_testbed"] == 2
    assert {"measure_testbed", "compare_testbed"} <= set(jobs)


def test_a_training_set_is_traced_and_gets_no_independent_rollouts(fresh):
    jobs = planned(fresh, *SMOKE)
    assert jobs["sample_traces"] == jobs["plan_branches"] == 2  # the run's set and this one
    assert jobs["plan_independent"] == jobs["plan_cut_points"] == 1  # the run's set


def test_an_own_model_needs_no_word_on_training_or_pairs(fresh):
    (fresh / "mine.yaml").write_text("models: [testbed-large]\n")
    jobs = planned(fresh, "--configfile", "mine.yaml")
    assert jobs["sample_traces"] == 3
    assert not {"train_cliff_dpo", "score_agreement", "figure_dpo_accuracy"} & set(jobs)


def test_the_slurm_profile_plans_the_paper_without_a_cluster(fresh, papers):
    assert planned(fresh, "--profile", "slurm") == papers
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
    parts = found.drop(index=("training", "independent"))["generated_tokens"]
    assert parts["all", "all"] == parts.sum() / 2 == pytest.approx(197.3e9, rel=0.001)
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
        ("cliffs: {marign: 0.1}", "cliffs: unknown key 'marign'; is it margin?"),
        ("cliffs: {margin: 0.2}\ncliffs: {z: 2}", "the key 'cliffs' occurs twice"),
        (
            "evaluation: {datasets: [{name: chains-eval, samples: 0, in_domain: true}, "
            "{name: chains-eval, samples: 5, in_domain: true}]}",
            "evaluation.datasets: chains-eval stands there twice",
        ),
        (
            "evaluation: {datasets: [{name: chains-train-large, samples: 0, in_domain: true}]}",
            "chains-train-large is of the same origin and split as training.dataset",
        ),
        ("potential: {rollouts: 0}", "rollouts|minimum"),
        ("seed: 1000.0", r"seed: expected a whole number >= 0, found 1000\.0"),
        ("cliffs: {z: .nan}", r"cliffs\.z: expected a number >= 0, found nan"),
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


def own_model(fresh, folder, **changes):
    """An entry for a model of two shards in ``folder``, a run of it, and the shards."""
    transformers = pytest.importorskip("transformers")
    source = ROOT / "resources/testbed/testbed-small"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    model = transformers.AutoModelForCausalLM.from_pretrained(source)
    model.save_pretrained(folder, max_shard_size="100KB")
    models = fresh / "config/models.yaml"
    shipped = yaml.safe_load(models.read_text(encoding="utf-8"))
    mine = {"mine": shipped["testbed-small"] | {"path": str(folder), **changes}}
    models.write_text(yaml.safe_dump(shipped | mine), encoding="utf-8")
    run = "models: [mine]\ndatasets: [chains]\nproblems: {limit: 2}\ntraining: {models: []}\n"
    (fresh / "mine.yaml").write_text(run, encoding="utf-8")
    shards = sorted(folder.glob("model-*-of-*.safetensors"))
    assert len(shards) > 1
    return shards


def test_a_model_of_several_files_in_any_folder_is_asked_and_every_file_is_an_input(
    fresh, tmp_path
):
    shards = own_model(fresh, tmp_path / "some body/my model")
    target = "results/testbed/tokens/mine/chains.parquet"
    run = ("--configfile", "mine.yaml", "--", target)
    done = snakemake(fresh, *run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pd.read_parquet(fresh / target)["sampler_probability"].gt(0).all()
    assert planned(fresh, *run) == {}
    template = tmp_path / "some body/my model/chat_template.jinja"
    template.write_text(template.read_text() + "{# changed #}")
    assert {"sample_traces", "score_tokens"} <= set(planned(fresh, *run))
    shards[-1].unlink()
    done = snakemake(fresh, "-n", *run)
    assert done.returncode != 0
    assert shards[-1].name in done.stdout + done.stderr


def test_a_context_that_the_model_has_no_positions_for_is_named_before_anything_runs(
    fresh, tmp_path
):
    own_model(fresh, tmp_path / "mine", context=513)
    done = snakemake(fresh, "-n", "--configfile", "mine.yaml")
    assert "mine.context: expected at most the 512 positions of" in done.stdout + done.stderr


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


def test_a_main_estimator_that_the_run_does_not_make_is_refused(fresh):
    (fresh / "wrong.yaml").write_text("potential: {estimators: [recursive], main: independent}\n")
    done = snakemake(fresh, "-n", *SMOKE, "wrong.yaml")
    assert done.returncode != 0
    assert "potential.main: 'independent' is not among" in done.stdout + done.stderr


MINE = """
mine:
  file: my own/problems.jsonl
  question: question
  answer: answer
  max_tokens: 160
  system: null
  version: 1
  license: mine
  label: Mine
"""


@pytest.fixture
def own(fresh):
    """A checkout with problems of one's own, and the arguments of a run that asks them."""
    (fresh / "my own").mkdir()
    (fresh / "my own/problems.jsonl").write_text(
        '{"question": "1+1?", "answer": 2}\n{"question": "2+2?", "answer": 4.0}\n'
        '{"question": "3+3?", "answer": null}\n',
        encoding="utf-8",
    )
    with (fresh / "config/datasets.yaml").open("a", encoding="utf-8") as catalogue:
        catalogue.write(MINE)
    (fresh / "mine.yaml").write_text("run: mine\ndatasets: [mine]\n", encoding="utf-8")
    return fresh, (*SMOKE, "mine.yaml", "--", "results/mine/problems/mine.parquet")


def test_problems_in_a_file_are_selected_and_a_change_of_it_selects_them_anew(own):
    folder, arguments = own
    done = snakemake(folder, *arguments)
    printed = done.stdout + done.stderr
    assert done.returncode != 0
    assert "config/datasets.yaml: mine: my own/problems.jsonl: 1 of 3 problems cannot" in printed
    assert "  line 3: has no answer" in printed
    assert "Traceback" not in printed
    path = folder / "config/datasets.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "  unreadable: drop\n", encoding="utf-8")
    done = snakemake(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine: 2 problems asked, dropped: {'unreadable': 1}" in done.stdout + done.stderr
    asked = tables.read(folder / arguments[-1], "problems")
    assert asked["answer"].tolist() == ["2", "4"]
    assert planned(folder, *arguments) == {}
    file = folder / "my own/problems.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("4.0", "5"), encoding="utf-8")
    assert planned(folder, *arguments) == {"select_problems": 1}


def test_a_question_that_is_trained_on_is_not_evaluated_under_another_name(own):
    folder, _ = own
    entry = {"generator": "chains", "split": "train", "problems": 40}
    trained = problems.select("chains-train", entry, 6, seed=20260624).asked
    rows = [{"question": trained["question"][2] + " ", "answer": 5}]
    (folder / "my own/problems.jsonl").write_text(json.dumps(rows[0]), encoding="utf-8")
    (folder / "mine.yaml").write_text(
        "run: mine\nevaluation: {datasets: [{name: mine, samples: 0, in_domain: true}]}\n"
    )
    target = "results/mine/evaluation/testbed-small/base/seed-42.parquet"
    done = snakemake(folder, *SMOKE, "mine.yaml", "--", target)
    assert done.returncode != 0
    assert (
        "problem 00000 of mine asks what problem chains-train-00002 of chains-train asks"
        in done.stdout + done.stderr
    )


def test_a_file_that_is_not_there_is_named_before_anything_runs(own):
    folder, arguments = own
    (folder / "my own/problems.jsonl").unlink()
    done = snakemake(folder, "-n", *arguments)
    assert done.returncode != 0
    assert "my own/problems.jsonl" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
