"""The edges of a job: its log, the records beside its outputs, its models and what it writes."""

import json
import logging
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from cliff_tokens import script
from cliff_tokens.hub import HubError
from cliff_tokens.problem_files import ProblemError


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job that writes a csv; the handlers of logging are as they were when it is over."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("input")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield SimpleNamespace(
        rule="make_it", wildcards={"model": "m"}, params={"seed": 7}, input=["in.txt"],
        output=["out.csv"], log=["job.log"],
    )  # fmt: skip
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_job_logs_to_its_file_and_leaves_the_record_of_its_csv(job, tmp_path, capsys):
    with script.running(job) as making:
        assert making["params"] == {"seed": 7}
        logging.getLogger("cliff_tokens.any").info("counted 3")
        logging.getLogger("cliff_tokens.any").warning("one is odd")
        (tmp_path / "out.csv").write_text("a\n1\n")
    log = (tmp_path / "job.log").read_text()
    assert "make_it {'model': 'm'} on " in log
    assert "INFO counted 3" in log
    assert "make_it finished" in log
    shown = capsys.readouterr()
    assert "one is odd" in shown.err
    assert "counted 3" not in shown.err
    record = json.loads((tmp_path / "out.json").read_text())
    assert (record["rule"], list(record["inputs"])) == ("make_it", ["in.txt"])
    assert list(record["outputs"]) == ["out.csv"]


def test_an_error_is_logged_with_its_traceback_and_raised(job, tmp_path):
    with pytest.raises(RuntimeError, match="no room"), script.running(job):
        raise RuntimeError("no room")
    log = (tmp_path / "job.log").read_text()
    assert "make_it failed" in log
    assert "Traceback" in log
    assert "make_it finished" not in log
    assert not (tmp_path / "out.json").exists()


def test_an_error_in_our_words_ends_the_job_without_a_traceback(job, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped, script.running(job):
        raise ProblemError("mine.jsonl: line 3: has no answer")
    assert stopped.value.code == 1
    for text in ((tmp_path / "job.log").read_text(), capsys.readouterr().err):
        assert "make_it failed: mine.jsonl: line 3: has no answer" in text
        assert "Traceback" not in text
    assert not (tmp_path / "out.json").exists()


def test_a_finished_part_is_read_back_and_leaves_nothing_when_the_job_is_done(tmp_path):
    rows = pd.DataFrame({"successes": [1, 2]})
    with script.resumable(str(tmp_path / "shard.parquet"), {"seed": 7}) as store:
        assert store.read("part-0-2") is None
        store.write("part-0-2", rows)
        pd.testing.assert_frame_equal(store.read("part-0-2"), rows)
        assert store.read("part-2-4") is None
        (kept,) = (tmp_path / ".shard.partial").iterdir()  # no unfinished file beside it
        assert kept.name.endswith("-part-0-2.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_a_path_is_its_folder_and_another_has_to_be_fetched(tmp_path, monkeypatch):
    assert script.located({"model": str(tmp_path)}) == str(tmp_path)
    (tmp_path / "nobody/no-such-model").mkdir(parents=True)  # is not taken for the one of the Hub
    monkeypatch.chdir(tmp_path)
    absent = {"model": "nobody/no-such-model", "revision": "0" * 40}
    with pytest.raises(HubError, match=r"nobody/no-such-model at 0+: not in the Hub's cache"):
        script.located(absent)


def test_a_generator_has_no_rows_to_read():
    assert script.read_rows({"generator": "chains", "split": "test"}) is None


def test_the_records_of_a_file_are_read_and_compared_with_its_hash(tmp_path):
    path = tmp_path / "my problems.jsonl"
    path.write_text('{"q": "1+1?", "a": 2}\n', encoding="utf-8")
    assert script.read_rows({"file": str(path)}).to_dict("list") == {"q": ["1+1?"], "a": [2]}
    with pytest.raises(ProblemError, match="expected the sha256 0000"):
        script.read_rows({"file": str(path), "sha256": "0" * 64})


def test_the_lock_is_written_whole_and_says_what_it_is(tmp_path):
    lock = {"models": {"b/x": {"revision": "1" * 40}, "a/y": {}}, "datasets": {}}
    script.write_lock(lock, str(tmp_path / "lock.yaml"))
    text = (tmp_path / "lock.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../workflow/schemas/revisions.schema")
    assert yaml.safe_load(text) == lock
    assert text.index("b/x") < text.index("a/y")
    assert [path.name for path in tmp_path.iterdir()] == ["lock.yaml"]


def test_a_receipt_is_json(tmp_path):
    script.write_receipt({"revision": "abc", "sha256": {}}, str(tmp_path / "receipt.json"))
    assert json.loads((tmp_path / "receipt.json").read_text())["revision"] == "abc"
