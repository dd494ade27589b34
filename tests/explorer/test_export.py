"""The traces of a run as the page gets them, set against the tables that they are from."""

import json

import pytest
from helpers.run_folder import write, write_run

from cliff_tokens.explorer.export import traces_of
from cliff_tokens.sources import find_run
from cliff_tokens.stages.cliff_test import CliffTest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Frames of a run and its traces by id, each with the text that is searched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("run"))
        frames = write_run()
        traces = list(traces_of(find_run("results/r"), 0.95))
    return frames, {trace["id"]: (trace, text) for trace, text in traces}


def test_every_trace_is_there_with_what_was_asked_and_answered(made):
    frames, traces = made
    assert set(traces) == set(frames["traces"]["trace_id"])
    for row in frames["traces"].itertuples():
        trace, text = traces[row.trace_id]
        assert (trace["model"], trace["verdict"], trace["answer"]) == (
            row.model, row.verdict, row.answer,
        )  # fmt: skip
        assert (trace["question"], trace["gold"]) == ("How many?", ["36"])
        assert trace["sampler"] == json.loads(row.sampler)
        assert "".join(trace["tokens"]) == row.text
        assert text == f"How many?\n{row.text}"


def test_traces_of_one_problem_have_one_number(made):
    numbers = {name: trace["problem"] for name, (trace, _) in made[1].items()}
    assert numbers["small/chains/p001/0"] == numbers["large/chains/p001/0"]
    assert len(set(numbers.values())) == 4


def test_potentials_drops_and_thresholds_are_those_of_the_estimates(made):
    frames, traces = made
    estimates = frames["estimates"].groupby("trace_id")
    for trace_id, rows in estimates:
        reading = traces[trace_id][0]["readings"]["independent"]
        rows = rows.sort_values("t")
        expected = [*rows["before"], rows["after"].iloc[-1]]
        assert reading["potential"] == [round(v * 10000) for v in expected]
        threshold = CliffTest(0.1, 1.645).threshold(rows["drop_se"])
        assert reading["threshold"] == [round(v * 10000) for v in threshold]
        assert (reading["rollouts"], len(reading["successes"])) == (64, len(rows))
    recursive = traces[trace_id][0]["readings"]["recursive"]
    assert "successes" not in recursive
    assert recursive["low"][-1] is None


def test_branches_that_two_estimators_read_are_counted_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames, owner = write_run(models=("small",)), "small/chains.parquet"
    once = [trace["others"] for trace, _ in traces_of(find_run("results/r"), 0.95)]
    read = [f"results/r/{table}/{owner}" for table in ("branches/recursive", "traces", "tokens")]
    estimates = f"results/r/estimates/adaptive/{owner}"
    write(estimates, frames["recursive"], "estimate_recursive", read)
    cliffs = f"results/r/cliffs/adaptive/{owner}"
    rule = {"test": {"margin": 0.1, "z": 1.645}}
    write(cliffs, frames["recursive_cliffs"], "detect_cliffs", [estimates, *read[1:]], **rule)
    again = list(traces_of(find_run("results/r"), 0.95))
    assert "adaptive" in again[0][0]["readings"]
    assert [trace["others"] for trace, _ in again] == once


def test_cliffs_have_the_audit_arms_and_candidates(made):
    frames, traces = made
    found = frames["cliffs"]
    assert len(found) > 3
    for cliff in found.itertuples():
        reading = traces[cliff.trace_id][0]["readings"]["independent"]
        (own,) = [one for one in reading["cliffs"] if one["t"] == cliff.t]
        assert own["kind"] == cliff.kind
        impossible = 1 - cliff.sampler_probability <= 0.1
        assert (own["audit"] == "cannot be") == impossible
        assert own["arms"]["del"]["rollouts"] == 64
        candidates = frames["candidates"][frames["candidates"]["cliff_id"].eq(cliff.cliff_id)]
        others = candidates[~candidates["is_sampled"]]
        assert [row[0] for row in own["candidates"]] == [*others.sort_values("rank")["token"], None]
        assert "fresh_drop" in own
    for trace, _ in traces.values():
        for cliff in trace["readings"]["recursive"]["cliffs"]:
            assert cliff["audit"] is None
            assert "arms" not in cliff


def test_positions_with_a_choice_have_its_alternatives(made):
    frames, traces = made
    trace_id = frames["traces"]["trace_id"].iloc[0]
    rows = frames["tokens"][frames["tokens"]["trace_id"].eq(trace_id)]
    choice = rows.loc[rows["sampler_probability"] < 1, "t"]
    trace = traces[trace_id][0]
    assert sorted(map(int, trace["others"])) == choice.tolist()
    for t in choice:
        chances = [row[1] for row in trace["others"][str(t)]]
        assert sum(chances) == pytest.approx(trace["bound"][t - 1], rel=1e-3)
