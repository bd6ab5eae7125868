"""A SQLite database that belongs to another program, read without a trace in its folder.

Opening a database that has a write-ahead log makes SQLite create files beside it, even for reading. So
where there is a -wal, database and log are copied to a folder of ours, again until neither changed
meanwhile, and the copy is opened. Without one the file itself is opened as immutable: SQLite then takes
no lock and makes no file.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cointrader.interop.file_kind import FileRefused

_TRIES = 20
_PAUSE_SECONDS = 0.05

Shape = tuple[tuple[int, int, int] | None, ...]


@contextmanager
def foreign_database(path: Path, name: str) -> Iterator[sqlite3.Connection]:
    """A read-only connection whose rows know their columns by name.

    Raises FileRefused when the file is no SQLite database, is damaged, or changes without a pause.
    """
    with tempfile.TemporaryDirectory(prefix="cointrader-") as folder:
        source = path
        if any(os.path.exists(f"{path}{ending}") for ending in ("-wal", "-journal")):
            source = _stable_copy(path, Path(folder), name)
        mode = "mode=ro&immutable=1" if source is path else "mode=rw"
        try:
            with closing(sqlite3.connect(f"{source.absolute().as_uri()}?{mode}", uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA query_only = ON")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                yield connection
        except sqlite3.DatabaseError as error:
            raise FileRefused(name, 0, "file", f"is no SQLite database that can be read: {error}") from error


def _stable_copy(path: Path, folder: Path, name: str) -> Path:
    """A copy of database and log that were not written to while they were copied."""
    target = folder / "copy.sqlite"
    for _ in range(_TRIES):
        before = _shape(path)
        for ending in ("", "-wal", "-journal"):
            copied = Path(f"{target}{ending}")
            copied.unlink(missing_ok=True)
            try:
                shutil.copyfile(f"{path}{ending}", copied)
            except FileNotFoundError:
                continue
        if _shape(path) == before:
            return target
        time.sleep(_PAUSE_SECONDS)
    raise FileRefused(name, 0, "file", "is being written to without a pause; try again when the bot rests")


def _shape(path: Path) -> Shape:
    return tuple(_stat(f"{path}{ending}") for ending in ("", "-wal", "-journal"))


def _stat(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
