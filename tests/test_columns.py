"""The columns of all tables: each says what it means, and means the same wherever it stands."""

import pyarrow as pa
import pytest

from cliff_tokens.columns import TABLES

COUNTS = ("successes", "rollouts", "unparsed", "timeouts", "truncated", "generated_tokens")


@pytest.mark.parametrize("name", TABLES)
def test_keys_are_columns_and_known_in_every_row(name):
    table = TABLES[name]
    assert table.keys
    assert set(table.keys) <= set(table.schema.names)
    null = [key for key in table.keys if table.schema.field(key).nullable]
    # A plan of rollouts from the prefix itself has no token that follows it.
    assert null == (["token_id"] if name == "plans" else [])


@pytest.mark.parametrize("name", TABLES)
def test_every_column_says_what_it_means(name):
    schema = TABLES[name].schema
    assert len(set(schema.names)) == len(schema.names)
    for field in schema:
        meaning = field.metadata[b"meaning"].decode()
        assert meaning == meaning.strip()
        assert not meaning.endswith("."), field.name
        assert "\n" not in meaning
        assert "|" not in meaning  # it stands in a cell of docs/data.md


def test_a_name_has_one_type_in_all_tables():
    types = {}
    for name, table in TABLES.items():
        for field in table.schema:
            # Recounts add the rollouts of all prefixes of a trace up.
            if (name, field.name) != ("recounts", "rollouts"):
                types.setdefault(field.name, set()).add(field.type)
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


@pytest.mark.parametrize("name", TABLES)
def test_counts_of_rollouts_come_together(name):
    schema = TABLES[name].schema
    if "unparsed" in schema.names:
        assert set(COUNTS) <= set(schema.names)
        assert pa.types.is_int64(schema.field("generated_tokens").type)
