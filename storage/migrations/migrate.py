"""Brings a database to the newest schema: whole or not at all, by one opener while the others wait.

Alembic's default on SQLite commits between statements, so a crash leaves half a migration behind.
Here everything, the version number included, happens inside one BEGIN IMMEDIATE: the lock is taken
first, the version is read again under it, and an opener that had to wait finds nothing left to do.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from storage.database import BUSY_TIMEOUT_MS, explained, raise_explained
from storage.durable_file import sync_folder
from storage.errors import DatabaseTooNew, MigrationFailed
from storage.migrations.create import is_empty, use_write_ahead_log

_HERE = Path(__file__).parent


def migrate(
    database: Path,
    *,
    backups: Path,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    versions: Sequence[Path] = (),
) -> None:
    """Makes the database when it is missing, else brings it to the newest version after a backup.

    `versions` are further folders of migrations. Raises DatabaseLocked, DatabaseTooNew, DiskFull or
    MigrationFailed; the database is then as it was.
    """
    config = _config(versions)
    newest = _newest(config)
    driver = sqlite3.connect(
        database, timeout=busy_timeout_ms / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        if _is_of_another_program(driver):
            raise MigrationFailed(f"{database} is a database of another program; use another workspace.")
        use_write_ahead_log(driver, busy_timeout_ms)
        # A table that is rebuilt is dropped for a moment; the keys are checked before the commit.
        driver.execute("PRAGMA foreign_keys = OFF")
        driver.execute("PRAGMA synchronous = FULL")
        with _immediate(driver) as connection:
            _migrate_locked(connection, config, database, backups, newest)
    except sqlite3.DatabaseError as error:
        raise_explained(error, database, busy_timeout_ms)
    except (SQLAlchemyError, CommandError) as error:
        raise _failure(error, database, busy_timeout_ms) from error
    finally:
        driver.close()


def _migrate_locked(
    connection: Connection, config: Config, database: Path, backups: Path, newest: int
) -> None:
    """What the one opener does who holds the write lock."""
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if version == newest:
        return
    if version > newest:
        raise DatabaseTooNew(
            f"{database} has schema version {version}; this program knows versions up to {newest}. "
            f"Install a newer cointrader-console, or use another workspace."
        )
    if version > 0:
        back_up(database, backups / f"cointrader-v{version}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.db")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise MigrationFailed(
            f"{database}: after the migration {len(broken)} rows would point at nothing, "
            f"the first in table {broken[0][0]}; the database was left at version {version}."
        )
    connection.exec_driver_sql(f"PRAGMA user_version = {newest}")


def back_up(database: Path, target: Path) -> None:
    """A whole and consistent copy of a database, made by SQLite while others may use it.

    It is written beside its final name, checked, and renamed: what bears the name is complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    copy = sqlite3.connect(partial, isolation_level=None)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    finally:
        copy.close()
        source.close()
    if verdict != "ok":
        partial.unlink()
        raise MigrationFailed(f"{database} was not migrated, because its backup is damaged: {verdict}")
    os.replace(partial, target)
    sync_folder(target.parent)


def _is_of_another_program(driver: sqlite3.Connection) -> bool:
    """Whether there are tables but no version, seen in one snapshot: another opener may be at work."""
    driver.execute("BEGIN")
    try:
        version = driver.execute("PRAGMA user_version").fetchone()[0]
        return version == 0 and not is_empty(driver)
    finally:
        driver.execute("ROLLBACK")


@contextmanager
def _immediate(driver: sqlite3.Connection) -> Iterator[Connection]:
    """SQLAlchemy around the driver's connection, inside one BEGIN IMMEDIATE and its COMMIT."""
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin_immediate(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        yield connection


def _config(versions: Sequence[Path]) -> Config:
    config = Config()
    config.set_main_option("script_location", _literal(_HERE))
    config.set_main_option("path_separator", "os")
    folders = [_HERE / "versions", *versions]
    config.set_main_option("version_locations", os.pathsep.join(map(_literal, folders)))
    return config


def _literal(path: Path) -> str:
    """A path as Alembic's configuration takes it, where % begins a substitution."""
    return str(path).replace("%", "%%")


def _newest(config: Config) -> int:
    """The number of the newest migration, which is the version of a database that has them all."""
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise MigrationFailed(
            f"{_HERE / 'versions'}: this installation has lost its migrations; reinstall it."
        )
    return int(head)


def _failure(error: SQLAlchemyError | CommandError, database: Path, busy_timeout_ms: int) -> Exception:
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.DatabaseError):
        ours = explained(cause, database, busy_timeout_ms)
        if ours is not cause:
            return ours
    return MigrationFailed(f"{database} was not migrated and is unchanged: {error}")
