"""Writes down what all migrations together give.

    python -m storage.migrations.newest > storage/migrations/newest_schema.sql

To be run whenever a migration was added; `create.py` makes new databases from it.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storage.migrations.migrate import migrate

# Rows that a database has from its beginning.
_FILLED_TABLES = ("revision", "alembic_version")


def newest_schema() -> str:
    """The SQL of a database that every migration has run on, in the order in which it was made."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "newest.db"
        migrate(database, backups=Path(folder))
        with closing(sqlite3.connect(database)) as connection:
            return "\n".join(f"{statement};" for statement in _statements(connection)) + "\n"


def _statements(connection: sqlite3.Connection) -> Iterator[str]:
    # SQLite makes its own tables and indexes, and FTS5 those that lie below a text index.
    objects = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND name NOT LIKE '%\\_text\\_%' ESCAPE '\\' ORDER BY rowid"
    ).fetchall()
    yield from (sql for (sql,) in objects)
    for table in _FILLED_TABLES:
        for row in connection.execute(f"SELECT * FROM {table}").fetchall():
            yield f"INSERT INTO {table} VALUES ({', '.join(map(repr, row))})"


if __name__ == "__main__":
    sys.stdout.write(newest_schema())
