"""Which files of a run belong together, and which do not."""

from pathlib import Path

import pytest
from helpers.run_folder import write, write_run

from cliff_tokens import provenance, tables
from cliff_tokens.sources import SourceError, find_run, of_cliffs


@pytest.fixture
def frames(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_run()


def test_a_run_is_found_by_its_records_with_a_reading_for_each_estimator(frames):
    found = find_run("results/r")
    assert [(one.model, one.dataset) for one in found] == [("large", "chains"), ("small", "chains")]
    one = found[1]
    assert one.problems.name == "chains.parquet"
    assert one.alternatives.parts[-3:] == ("alternatives", "small", "chains.parquet")
    assert [reading.estimator for reading in one.readings] == ["independent", "recursive"]
    independent, recursive = one.readings
    assert set(independent.followed) == {"resampling", "candidates", "audit"}
    assert (recursive.followed, independent.test.margin) == ({}, 0.1)
    assert [path.parts[-3] for path in independent.counts] == ["potential"]
    assert [path.parts[-3] for path in recursive.counts] == ["recursive"]


def test_a_run_is_found_from_another_folder(frames, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = find_run(tmp_path / "results/r")
    assert all(one.traces.is_file() for one in found)


def test_traces_of_a_base_run_are_found_where_they_are(frames):
    for path in Path("results/r/cliffs").rglob("*.parquet"):
        cliffs, making = tables.read(path, "cliffs"), tables.read_metadata(path)
        name = str(path).replace("results/r/", "results/second/")
        write(name, cliffs, "detect_cliffs", list(making["inputs"]), **making["params"])
    found = find_run("results/second")
    assert {one.traces.parts[-4] for one in found} == {"r"}
    # What followed at the cliffs of the base is not this run's.
    assert {name for one in found for reading in one.readings for name in reading.followed} == set()


def test_what_was_simulated_is_no_reading(frames):
    path = "results/r/cliffs/independent/small/chains.parquet"
    making = tables.read_metadata(path)
    simulated = "results/r/cliffs/simulated/small/chains.parquet"
    write(
        simulated, tables.read(path, "cliffs"), "detect", list(making["inputs"]), **making["params"]
    )
    names = {reading.estimator for one in find_run("results/r") for reading in one.readings}
    assert names == {"independent", "recursive"}


def test_a_file_that_was_read_and_has_changed_since_is_refused(frames):
    tokens = frames["tokens"][frames["tokens"]["trace_id"].str.startswith("small/")]
    write("results/r/tokens/small/chains.parquet", tokens.assign(tail=0.5), "score_tokens")
    with pytest.raises(provenance.ProvenanceError, match=r"tokens/small/chains.parquet: changed"):
        find_run("results/r")


def test_alternatives_of_other_scores_are_refused(frames):
    rows = frames["alternatives"]
    rows = rows[rows["trace_id"].str.startswith("small/")]
    write("results/r/alternatives/small/chains.parquet", rows, "score_tokens")
    with pytest.raises(SourceError, match="score the tokens again"):
        find_run("results/r")


def test_without_alternatives_there_are_none(frames):
    Path("results/r/alternatives/small/chains.parquet").unlink()
    assert find_run("results/r")[1].alternatives is None


def test_a_table_whose_record_lacks_a_source_is_refused(frames):
    path = "results/r/cliffs/independent/small/chains.parquet"
    making = tables.read_metadata(path)
    inputs = [name for name in making["inputs"] if "/tokens/" not in name]
    write(path, tables.read(path, "cliffs"), "detect_cliffs", inputs, **making["params"])
    with pytest.raises(SourceError, match="its record names no tokens"):
        of_cliffs([path], [])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no cliffs there; expected the folder of a run"):
        find_run(tmp_path)
