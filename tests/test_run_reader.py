"""A run as text: which cliffs stand there, what is marked, and what is refused."""

from types import SimpleNamespace

import pytest
import yaml
from helpers import synthetic

from cliff_tokens import provenance, tables
from cliff_tokens.__main__ import main
from cliff_tokens.provenance import ProvenanceError
from cliff_tokens.run_reader import RunError, list_cliffs, show_trace

OWNER = "small/chains.parquet"
INPUTS = ("estimates/independent", "tokens", "traces")


def write(path, frame, rule, inputs=(), **params):
    job = SimpleNamespace(
        rule=rule, wildcards={"model": "small", "dataset": "chains"}, params=params, input=inputs
    )
    tables.write(frame, path, path.split("/")[2], provenance.record(job))


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """The frames of a run that is written, as its rules would, to results/r."""
    monkeypatch.chdir(tmp_path)
    frames = synthetic.run(models=("small",), datasets=("chains",), seed=3)
    rule = {"test": {"margin": 0.1, "z": 1.645}}
    problems = f"results/r/problems/{OWNER}"
    write(problems, frames["problems"], "select_problems")
    for place in INPUTS:
        inputs = [problems] if place == "traces" else []
        name = place.split("/")[0]
        write(f"results/r/{place}/{OWNER}", frames[name], name, inputs)
    inputs = [f"results/r/{place}/{OWNER}" for place in INPUTS]
    for estimator in ("independent", "recursive"):
        path = f"results/r/cliffs/{estimator}/{OWNER}"
        write(path, frames["cliffs"], "detect_cliffs", inputs, **rule)
    return frames


def test_every_cliff_has_a_line_with_the_text_around_it(frames):
    lines = list_cliffs("results/r", "independent").splitlines()
    cliffs = frames["cliffs"].sort_values(["trace_id", "t"])
    assert len(lines) == len(cliffs) + 3
    assert lines[-1].startswith(f"{len(cliffs)} cliffs on {cliffs['trace_id'].nunique()} traces")
    for line, cliff in zip(lines[1:], cliffs.itertuples(), strict=False):
        assert line.startswith(f"{cliff.trace_id}  ")
        assert f"{cliff.before:.3f}  {cliff.after:.3f}" in line
        assert f"»{cliff.token}«".replace("\n", "\\n") in line
        assert line.endswith(cliff.outcome)


def test_a_trace_has_its_question_its_answers_and_its_cliffs_marked(frames):
    cliff = frames["cliffs"].iloc[0]
    shown = show_trace("results/r", cliff["trace_id"], "independent")
    trace = frames["traces"].set_index("trace_id").loc[cliff["trace_id"]]
    assert shown.splitlines()[:4] == [cliff["trace_id"], "", "question", "  How many?"]
    assert f"{trace['verdict']}: " in shown
    assert "where 36 is right" in shown
    text = " ".join(shown.split())
    count = frames["cliffs"]["trace_id"].eq(cliff["trace_id"]).sum()
    assert text.count("« [") == 1 + count  # the legend has one
    assert f"« [{cliff['before']:.2f}, {cliff['after']:.2f}]" in text
    assert f"{cliff['before'] - cliff['after']:.3f}" in shown


def test_a_trace_without_a_cliff_says_so(frames):
    without = set(frames["traces"]["trace_id"]) - set(frames["cliffs"]["trace_id"])
    assert show_trace("results/r", min(without), "independent").endswith("\nno cliff")


def test_what_a_terminal_would_obey_is_written_out(frames):
    tokens = frames["tokens"].copy()
    cliff = frames["cliffs"].iloc[0]
    at = tokens["trace_id"].eq(cliff["trace_id"]) & tokens["t"].eq(cliff["t"] + 1)
    tokens.loc[at, "token"] = "\x1b[2J\u202e"
    write(f"results/r/tokens/{OWNER}", tokens, "tokens")
    inputs = [f"results/r/{place}/{OWNER}" for place in INPUTS]
    path = f"results/r/cliffs/independent/{OWNER}"
    rule = {"test": {"margin": 0.1, "z": 1.645}}
    write(path, frames["cliffs"], "detect_cliffs", inputs, **rule)
    for shown in (
        list_cliffs("results/r", "independent"),
        show_trace("results/r", cliff["trace_id"], "independent"),
    ):
        assert "\\x1b[2J\\u202e" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_the_runs_main_estimator_is_the_default(frames, tmp_path):
    with pytest.raises(RunError, match=r"--estimator with one of independent, recursive"):
        list_cliffs("results/r")
    (tmp_path / "results/r/provenance").mkdir()
    config = {"potential": {"main": "recursive"}}
    (tmp_path / "results/r/provenance/config.yaml").write_text(yaml.safe_dump(config))
    assert list_cliffs("results/r").endswith("by the estimator recursive")


def test_what_is_not_there_is_named(frames, capsys):
    with pytest.raises(RunError, match=r"no trace 'p003'; expected one of its 12, such as small/"):
        show_trace("results/r", "p003", "recursive")
    with pytest.raises(RunError, match="found 'adaptive'; expected --estimator with one of indep"):
        list_cliffs("results/r", "adaptive")
    assert main(["trace", "results"]) == 1
    assert "results: no cliffs there" in capsys.readouterr().err


def test_tables_of_two_states_are_refused(frames):
    write(f"results/r/tokens/{OWNER}", frames["tokens"].assign(rank=1), "tokens")
    with pytest.raises(ProvenanceError, match=r"tokens/.*: changed since detect_cliffs made"):
        list_cliffs("results/r", "independent")


def test_the_command_prints_both_views(frames, capsys):
    assert main(["trace", "results/r", "--estimator", "recursive"]) == 0
    assert capsys.readouterr().out.strip() == list_cliffs("results/r", "recursive")
    name = frames["traces"]["trace_id"].iloc[0]
    assert main(["trace", "results/r", name, "--estimator", "recursive"]) == 0
    assert capsys.readouterr().out.strip() == show_trace("results/r", name, "recursive")
