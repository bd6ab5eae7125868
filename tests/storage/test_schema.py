"""The tables that the code declares are the tables that a migrated database has."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import StaticPool

from storage.tables.schema import metadata

# FTS5's and Alembic's own tables have no class.
UNDECLARED = ("%\\_text", "%\\_text\\_%", "alembic\\_version", "sqlite\\_%")


@pytest.fixture
def declared() -> Iterator[sqlite3.Connection]:
    """A database made from the SQLModel classes alone."""
    with closing(create(metadata())) as made:
        yield made


def create(tables: MetaData) -> sqlite3.Connection:
    driver = sqlite3.connect(":memory:", check_same_thread=False)
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    tables.create_all(engine)
    return driver


def tables_of(connection: sqlite3.Connection) -> list[str]:
    unwanted = " AND ".join(f"name NOT LIKE '{pattern}' ESCAPE '\\'" for pattern in UNDECLARED)
    query = f"SELECT name FROM sqlite_schema WHERE type = 'table' AND {unwanted} ORDER BY name"
    return [row[0] for row in connection.execute(query)]


def described(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Everything that SQLite knows of a table, but for how its SQL was typed."""
    sql = connection.execute("SELECT upper(sql) FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    indexes = connection.execute(
        'SELECT name, "unique", origin FROM pragma_index_list(?)', (table,)
    ).fetchall()
    foreign_keys = 'SELECT "from", "table", coalesce("to", \'id\') FROM pragma_foreign_key_list(?)'
    return {
        "columns": connection.execute(
            'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', (table,)
        ).fetchall(),
        "indexes": sorted(
            (
                name if origin == "c" else origin,
                unique,
                connection.execute("SELECT name FROM pragma_index_info(?)", (name,)).fetchall(),
            )
            for name, unique, origin in indexes
        ),
        "foreign_keys": sorted(connection.execute(foreign_keys, (table,)).fetchall()),
        "ids_are_never_used_again": "AUTOINCREMENT" in sql,
        "without_rowid": "WITHOUT ROWID" in sql,
    }


def test_every_table_is_declared(connection: sqlite3.Connection, declared: sqlite3.Connection) -> None:
    assert tables_of(connection) == tables_of(declared)
    assert len(tables_of(connection)) == 48


@pytest.mark.parametrize("table", sorted(metadata().tables))
def test_columns_keys_and_indexes_are_as_declared(
    connection: sqlite3.Connection, declared: sqlite3.Connection, table: str
) -> None:
    assert described(connection, table) == described(declared, table)


def test_the_comparison_sees_a_lost_index_and_a_changed_default(
    connection: sqlite3.Connection, declared: sqlite3.Connection
) -> None:
    connection.execute("DROP INDEX ix_session_rev")
    assert described(connection, "session") != described(declared, "session")
    connection.execute("ALTER TABLE worker ADD COLUMN zone VARCHAR")
    assert described(connection, "worker") != described(declared, "worker")


def test_every_revision_is_indexed(connection: sqlite3.Connection) -> None:
    for table in tables_of(connection):
        described_table = described(connection, table)
        if "rev" in [column[0] for column in described_table["columns"]]:
            assert (f"ix_{table}_rev", 0, [("rev",)]) in described_table["indexes"]
