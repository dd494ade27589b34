"""What is made beyond a finished smoke run: other targets, another reading, the report."""

import re
import shutil

from helpers.repository import SAMPLING, SMOKE, planned, snakemake

from cliff_tokens import provenance, tables


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


def test_forks_are_rolled_out_only_for_the_variant_that_is_made_of_them(copied):
    (copied / "forks.yaml").write_text("training: {variants: [all, flipped, forks]}\n")
    folder = copied / "results/smoke"
    assert not (folder / "forks").exists()
    targets = [f"results/smoke/pairs/testbed-small/{name}.parquet" for name in ("flipped", "forks")]
    done = snakemake(copied, *SMOKE, "forks.yaml", "--", *targets)
    assert done.returncode == 0, done.stdout + done.stderr
    place = "recursive/testbed-small/chains-train.parquet"
    forks = tables.read(folder / "forks" / place, "forks")
    cliffs = tables.read(folder / "cliffs" / place, "cliffs")
    assert (
        forks.groupby("cliff_id")["is_sampled"].agg(["size", "sum"]).to_numpy().tolist()
        == [[2, 1]] * forks["cliff_id"].nunique()
    )
    assert set(forks["cliff_id"]) <= set(cliffs["cliff_id"])
    assert (forks["rollouts"] == 16).all()
    measured, flipped, there = (
        tables.read(folder / f"pairs/testbed-small/{name}.parquet", "pairs")
        for name in ("forks", "flipped", "all")
    )
    leads = measured["successes_chosen"] > measured["successes_rejected"]
    assert leads.all()
    assert not set(measured["cliff_id"]) & set(cliffs["cliff_id"])
    assert flipped["chosen_ids"].map(list).tolist() == there["rejected_ids"].map(list).tolist()


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


def test_the_report_builds_and_needs_no_network(copied):
    done = snakemake(copied, *SMOKE, "--report", "report.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.unpack_archive(copied / "report.zip", copied / "unpacked")
    report = (copied / "unpacked/report/report.html").read_text(encoding="utf-8")
    (explorer,) = (copied / "unpacked").rglob("data/index.js")
    assert (explorer.parents[1] / "index.html").is_file()
    assert "Cliff" in report
    for category in ("1 Scorecard", "2 Figures", "3 Tables", "4 Traces", "5 Provenance"):
        assert category in report
    assert not re.search(r"""<(?:script|link)[^>]+(?:src|href)=["']https?:""", report)


def test_estimators_are_scored_against_a_reference_and_their_cost_against_its_prediction(copied):
    assert set(planned(copied, *SMOKE, "--", "cost")) == {"cost", "table_cost"}
    done = snakemake(copied, *SMOKE, "--", "truth", "cost")
    assert done.returncode == 0, done.stdout + done.stderr
    results = copied / "results" / "smoke"
    for name in ("estimators", "truth", "cost", "cost_used"):
        assert (results / f"tables/table_{name}.md").stat().st_size > 200, name
    for name in ("estimators", "catalogues"):
        assert (results / f"figures/figure_{name}.svg").stat().st_size > 1000, name
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


def test_a_second_reading_trains_on_matched_pairs_and_samples_and_rolls_out_nothing(copied):
    (copied / "matched.yaml").write_text("run: few\nbase: smoke\ntraining: {matched: 1}\n")
    plan = (*SMOKE, "matched.yaml", "--")
    assert not SAMPLING & set(planned(copied, *plan, "dpo"))
    target = "results/few/pairs/testbed-small/all.parquet"
    done = snakemake(copied, *plan, target)
    assert done.returncode == 0, done.stdout + done.stderr
    logs = list((copied / "logs/few/roll_out").rglob("*.log"))
    assert logs
    for log in logs:
        assert "rollouts in" not in log.read_text(encoding="utf-8"), log  # as where some are drawn
    few, base = (
        tables.read(copied / target.replace("few", run), "pairs") for run in ("few", "smoke")
    )
    assert few["split"].eq("train").sum() == 1
    assert set(few["pair_id"]) <= set(base["pair_id"])
