"""A run as text: which cliffs stand there, what is marked, and what is refused."""

import pytest
import yaml
from helpers.run_folder import write, write_run

from cliff_tokens.__main__ import main
from cliff_tokens.provenance import ProvenanceError
from cliff_tokens.run_reader import RunError, list_cliffs, show_trace

TOKENS = "results/r/tokens/small/chains.parquet"


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """The frames of a run of one model, which stands in results/r."""
    monkeypatch.chdir(tmp_path)
    return write_run(models=("small",), problems=12)


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


def test_a_trace_that_was_not_measured_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def thin(frames):
        first = frames["estimates"]["trace_id"].min()
        for name in ("estimates", "cliffs"):
            frames[name] = frames[name][frames[name]["trace_id"].eq(first)]

    frames = write_run(thin, models=("small",))
    name = frames["traces"]["trace_id"].max()
    with pytest.raises(RunError, match=f"{name}: independent measured the first problems"):
        show_trace("results/r", name, "independent")


def test_what_a_terminal_would_obey_is_written_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def harm(frames):
        frames["tokens"].loc[:, "token"] = "\x1b[2J\u202e"

    frames = write_run(harm, models=("small",))
    name = frames["traces"]["trace_id"].iloc[0]
    for shown in (
        list_cliffs("results/r", "independent"),
        show_trace("results/r", name, "independent"),
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
    write(TOKENS, frames["tokens"].assign(rank=1), "score_tokens")
    with pytest.raises(ProvenanceError, match=r"tokens/.*: changed since detect_cliffs made"):
        list_cliffs("results/r", "independent")


def test_the_command_prints_both_views(frames, capsys):
    assert main(["trace", "results/r", "--estimator", "recursive"]) == 0
    assert capsys.readouterr().out.strip() == list_cliffs("results/r", "recursive")
    name = frames["traces"]["trace_id"].iloc[0]
    assert main(["trace", "results/r", name, "--estimator", "recursive"]) == 0
    assert capsys.readouterr().out.strip() == show_trace("results/r", name, "recursive")
