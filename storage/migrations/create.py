"""Makes a new database at the newest version, with plain SQLite.

A first start must not wait for SQLAlchemy and Alembic, which take several times as long to load as the
database takes to make. `newest_schema.sql` is what all migrations together give; it is written by
`python -m storage.migrations.newest`, and a test holds it against them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storage.database import BUSY_TIMEOUT_MS, SCHEMA_VERSION, raise_explained

_NEWEST = Path(__file__).with_name("newest_schema.sql")
_BUSY = 5
_RETRY_SECONDS = 0.02


def create_database(database: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
    """Makes the tables of the newest version in a database that is missing or empty.

    Everything happens inside one BEGIN IMMEDIATE; an opener that had to wait finds the tables there and
    does nothing, as it does with a database that is not empty. Raises DatabaseLocked or DiskFull.
    """
    try:
        with closing(
            sqlite3.connect(database, timeout=busy_timeout_ms / 1000, isolation_level=None)
        ) as connection:
            if not is_empty(connection):
                return
            use_write_ahead_log(connection, busy_timeout_ms)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            if is_empty(connection):
                for statement in statements():
                    connection.execute(statement)
            connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise_explained(error, database, busy_timeout_ms)


def statements() -> Iterator[str]:
    """The SQL that makes the newest version, its number last."""
    statement = ""
    for line in _NEWEST.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    yield f"PRAGMA user_version = {SCHEMA_VERSION}"


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether a database has no table at all."""
    return not connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema)").fetchone()[0]


def use_write_ahead_log(connection: sqlite3.Connection, busy_timeout_ms: int) -> None:
    """Turns WAL on, which is then a property of the file.

    SQLite asks no busy handler for this change, so two openers of a new file must try again themselves.
    """
    deadline = time.monotonic() + busy_timeout_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)
