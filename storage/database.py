"""The database: how it is opened, and how it is written to.

Plain `sqlite3`, because the console and every reader start through here: SQLAlchemy and Alembic are
loaded only when `PRAGMA user_version` says that the schema must change. The driver's own transaction
control is off (`isolation_level=None`); writers say BEGIN IMMEDIATE, so that a writer that must wait
waits at its start, where the busy timeout applies, and never in its middle, where SQLite refuses.

Nobody opens cointrader.db, its -wal or its -shm except through SQLite: closing any other descriptor
of these files drops all locks of the process (POSIX), and the write-ahead log can be destroyed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from storage.errors import DatabaseDamaged, DatabaseLocked, DatabaseTooNew, DiskFull, StorageError
from storage.lock_holder import find_lock_holder
from storage.workspace import Workspace

SCHEMA_VERSION = 4
"""`PRAGMA user_version` of the newest migration."""

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another one before it is told who holds the database."""

# Primary result codes (the low byte of an extended one), https://www.sqlite.org/rescode.html.
_BUSY, _LOCKED, _IO, _CORRUPT, _FULL, _CANNOT_OPEN, _NOT_A_DATABASE = 5, 6, 10, 11, 13, 14, 26
# The -shm could not be grown: the disk is full, said in the words of the operating system.
_IO_SHM_SIZE = 4874


def open_database(workspace: Workspace, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> sqlite3.Connection:
    """Opens the database of a workspace, making or migrating it first where that is needed.

    Of several openers one migrates and the others wait for it. Raises WorkspaceError, DatabaseLocked,
    DatabaseTooNew, DatabaseDamaged, MigrationFailed or DiskFull.
    """
    workspace.create()
    version = schema_version(workspace.database, busy_timeout_ms=busy_timeout_ms)
    if version == 0:
        from storage.migrations.create import create_database

        create_database(workspace.database, busy_timeout_ms=busy_timeout_ms)
        version = schema_version(workspace.database, busy_timeout_ms=busy_timeout_ms)
    if version != SCHEMA_VERSION:
        from storage.migrations.migrate import migrate

        migrate(workspace.database, backups=workspace.backups, busy_timeout_ms=busy_timeout_ms)
    return connect(workspace.database, busy_timeout_ms=busy_timeout_ms)


def connect(
    path: Path, *, readonly: bool = False, busy_timeout_ms: int = BUSY_TIMEOUT_MS
) -> sqlite3.Connection:
    """A connection to a database that exists; it is not migrated here.

    It may be used by any thread, by one at a time. A read-only connection cannot write at all.
    Raises StorageError when the file is missing, DatabaseDamaged when it is not a database.
    """
    connection = _open(path, "ro" if readonly else "rw", busy_timeout_ms)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        if readonly:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise_explained(error, path, busy_timeout_ms)
    return connection


def schema_version(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> int:
    """`PRAGMA user_version` of a database; 0 for a missing or an empty one.

    Raises DatabaseTooNew for a version that this program does not know.
    """
    if not path.exists():
        return 0
    connection = _open(path, "rw", busy_timeout_ms)
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise_explained(error, path, busy_timeout_ms)
    finally:
        connection.close()
    if version > SCHEMA_VERSION:
        raise DatabaseTooNew(
            f"{path} has schema version {version}; this program knows versions up to {SCHEMA_VERSION}. "
            f"Install a newer cointrader-console, or use another workspace."
        )
    return version


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when anything is raised.

    Raises DatabaseLocked naming the holder after the busy timeout, and DiskFull when there is no room;
    nothing of the transaction is kept then.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.DatabaseError as error:
        _raise_explained(error, connection)
    try:
        yield connection
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        _roll_back(connection)
        _raise_explained(error, connection)
    except BaseException:
        _roll_back(connection)
        raise


@contextmanager
def joined_transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """The caller's transaction where there is one, else one of its own."""
    if connection.in_transaction:
        yield connection
        return
    with transaction(connection):
        yield connection


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite rolls back by itself on some errors (a full disk is one of them).
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _open(path: Path, mode: str, busy_timeout_ms: int) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=busy_timeout_ms / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.DatabaseError as error:
        raise_explained(error, path, busy_timeout_ms)


def _raise_explained(error: sqlite3.DatabaseError, connection: sqlite3.Connection) -> NoReturn:
    path = next(row[2] for row in connection.execute("PRAGMA database_list").fetchall() if row[1] == "main")
    raise_explained(error, Path(path), int(connection.execute("PRAGMA busy_timeout").fetchone()[0]))


def raise_explained(error: sqlite3.DatabaseError, path: Path, busy_timeout_ms: int) -> NoReturn:
    """Raises what `explained` makes of an error of SQLite."""
    ours = explained(error, path, busy_timeout_ms)
    if ours is error:
        raise error
    raise ours from error


def explained(error: sqlite3.DatabaseError, path: Path, busy_timeout_ms: int) -> Exception:
    """The error of ours that tells the operator what SQLite's means; others come back as they are."""
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code in (_BUSY, _LOCKED):
        return DatabaseLocked(
            f"{path} is locked by {find_lock_holder(path)} and was not free within "
            f"{busy_timeout_ms / 1000:g} s. Nothing was written; try again, or end that process."
        )
    if code == _FULL or extended == _IO_SHM_SIZE:
        return DiskFull(f"{path}: no room is left for the database. Nothing was written; free some space.")
    if code in (_CORRUPT, _NOT_A_DATABASE):
        return DatabaseDamaged(
            f"{path}: {error}. Move the file away and put a copy from {path.parent / 'backups'} in its place."
        )
    if code == _IO:
        return StorageError(f"{path}: the disk failed while the database was used: {error}")
    if code == _CANNOT_OPEN:
        return StorageError(f"{path}: there is no database here that could be opened: {error}")
    return error
