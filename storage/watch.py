"""Noticing that another process has changed the database, without reading any of it.

`PRAGMA data_version` changes when another connection commits. It is only meaningful on one connection
that stays open, in autocommit and outside any statement, which is what this keeps.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from storage.database import connect


class DatabaseWatch:
    """Watches one database file; use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection: sqlite3.Connection = connect(path, readonly=True)
        self._version = self._read()

    def changed(self) -> bool:
        """Whether anybody else has committed since the last call (or since the watch began)."""
        version = self._read()
        changed = version != self._version
        self._version = version
        return changed

    def close(self) -> None:
        """Ends the watch."""
        self._connection.close()

    def _read(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchall()[0][0])
