"""Reading and writing: what is wrong is said, nothing half-written stays."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliff_tokens import tables
from cliff_tokens.tables import TableError


def counts(rows):
    return pd.DataFrame(
        {
            "trace_id": "m/d/p/0", "t": range(rows), "successes": 3, "rollouts": 64,
            "unparsed": 0, "timeouts": 0, "truncated": 0, "generated_tokens": 900,
            **{
                name: pd.Series([found] * rows, dtype=object)
                for name, found in (
                    ("left_at", [2, 5]), ("leavers", [40, 20]), ("leaver_successes", [1, 2]),
                )
            },
        }
    )  # fmt: skip


def write(frame, path, name="potential"):
    tables.write(frame, path, name, {"rule": "test"})


def test_a_table_reads_back_as_written_and_knows_its_making(tmp_path):
    write(counts(3), tmp_path / "a.parquet")
    again = tables.read(tmp_path / "a.parquet", "potential")
    assert again["t"].tolist() == [0, 1, 2]
    assert again["generated_tokens"].dtype == np.int64
    assert tables.read_metadata(tmp_path / "a.parquet")["rule"] == "test"
    meaning = pq.read_schema(tmp_path / "a.parquet").field("t").metadata[b"meaning"]
    assert meaning.startswith(b"tokens in the prefix")


def test_order_of_rows_and_columns_does_not_change_the_bytes(tmp_path):
    frame = counts(4)
    write(frame, tmp_path / "a.parquet")
    write(frame[frame.columns[::-1]].iloc[::-1], tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_counts_are_read_wide_enough_to_be_squared(tmp_path):
    # The file keeps them in two bytes, in which the square of 200 has no room.
    write(counts(2).assign(rollouts=200), tmp_path / "a.parquet")
    assert pq.read_schema(tmp_path / "a.parquet").field("rollouts").type == "int16"
    again = tables.read(tmp_path / "a.parquet", "potential")
    assert (again["rollouts"] ** 2).tolist() == [40_000] * 2


def test_an_empty_table_keeps_its_columns(tmp_path):
    write(counts(0), tmp_path / "a.parquet")
    assert tables.read(tmp_path / "a.parquet", "potential").columns.tolist()[:2] == [
        "trace_id",
        "t",
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.drop(columns="rollouts"), r"lacks \['rollouts'\]"),
        (lambda f: f.assign(rate=0.5), r"no place for \['rate'\]"),
        (lambda f: f.assign(t=0), "two rows with the key"),
        (lambda f: f.assign(successes=0.5), "successes|truncated"),
        (lambda f: f.assign(successes=np.nan), "null"),
        (lambda f: f.assign(rollouts=70_000), "70000|out of bounds"),
    ],
)
def test_a_frame_that_breaks_its_schema_is_refused_and_leaves_nothing(tmp_path, spoil, said):
    with pytest.raises(TableError, match=said):
        write(spoil(counts(2)), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_another_table_is_refused_by_name(tmp_path):
    write(counts(1), tmp_path / "a.parquet")
    with pytest.raises(TableError, match="expected the table 'cliffs', found 'potential'"):
        tables.read(tmp_path / "a.parquet", "cliffs")


def test_a_truncated_file_is_refused_by_path(tmp_path):
    write(counts(50), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(TableError, match=r"a\.parquet: not a readable parquet file"):
        tables.read(tmp_path / "a.parquet", "potential")


def test_a_foreign_parquet_file_is_refused(tmp_path):
    pq.write_table(pa.table({"t": [1]}), tmp_path / "a.parquet")
    with pytest.raises(TableError, match="not one that this project wrote"):
        tables.read(tmp_path / "a.parquet", "potential")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        tables.read(tmp_path / "none.parquet", "potential")


def test_the_data_dictionary_is_that_of_the_schemas(root, fix):
    page = root / "docs" / "data.md"
    if fix:
        page.write_text(tables.describe())
    assert page.read_text() == tables.describe(), "run: pytest tests/test_tables.py --fix"
