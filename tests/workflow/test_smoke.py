"""What a smoke run from a clean copy has made; it is read only."""

import json
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
import yaml
from helpers.repository import ROOT, SMOKE, planned

from cliff_tokens import catalogue, paper_index, provenance, tables
from cliff_tokens.scorecard import WORDS


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


def test_a_second_run_does_nothing_and_every_documented_target_is_there_by_its_name(finished):
    targets = ("figures", "tables", "dpo", "scorecard", "provenance", "figure_02_share_with_cliff")
    jobs = planned(finished, *SMOKE, "--", "all", *targets)
    assert set(jobs) <= set(targets)  # names for what is there already


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
    subset = follow(figure, "subset/traces")  # those that independent rollouts start from
    found = tables.read(cliffs, "cliffs")
    answers = tables.read(subset, "traces")
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
    assert follow(cliffs, "subset/traces") == follow(estimates, "subset/traces") == subset
    traces = follow(subset, "traces")
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
    assert set(card["word"]) <= set(WORDS)
    totals = pd.read_csv(finished / "results/smoke/tables/scorecard_totals.csv")
    assert totals["rows"].sum() == len(card)
    measured = card[card["word"] != "not measurable in this run"]
    assert len(measured) > 3
    assert measured["published"].isna().all()
    assert measured["note"].str.startswith("claim: ").all()


def test_adapters_are_evaluated_beside_base_and_their_cliffs_counted_again(finished):
    results = finished / "results" / "smoke"
    plan = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    for variant in ("base", *plan["training"]["variants"]):
        path = f"testbed-small/{variant}/seed-42.parquet"
        for table in ("evaluation", "recounts"):
            tables.read(results / table / path, table)
    base = tables.read(results / "evaluation/testbed-small/base/seed-42.parquet", "evaluation")
    assert base.groupby("decoding").size().to_dict() == {"greedy": 10, "sampled": 10}
    for name in ("accuracy", "cliffs", "cost"):
        assert (results / f"tables/table_dpo_{name}.md").stat().st_size > 200, name
    for name in ("accuracy", "positions", "cliffs", "training"):
        assert (results / f"figures/figure_dpo_{name}.svg").stat().st_size > 1000, name


def test_adapters_are_measured_at_every_cliff_of_the_run(finished):
    results = finished / "results" / "smoke"
    shifts = tables.read(results / "shifts/testbed-small.parquet", "shifts")
    cell = "independent/testbed-small/chains.parquet"
    cliffs = tables.read(results / "cliffs" / cell, "cliffs").set_index("cliff_id")
    own = shifts[shifts["role"].eq("cliff")].set_index("cliff_id")
    assert own["token_id"].to_dict() == cliffs["token_id"].to_dict()
    # What was scored when the trace was made is what the model says now, without its adapter.
    tokens = tables.read(results / "tokens/testbed-small/chains.parquet", "tokens")
    scored = cliffs.join(tokens.set_index(["trace_id", "t"])["logprob"], on=["trace_id", "t"])
    assert (own["before"] - scored["logprob"]).abs().max() < 1e-4
    assert (results / "tables/table_probability_shift.md").stat().st_size > 200
    for name in ("probability_shift", "recovered_trace"):
        assert (results / f"figures/figure_{name}.svg").stat().st_size > 1000
