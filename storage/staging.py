"""Rows of a large file, gathered beside the database and moved into it in one short transaction.

Reading a file of any size may take minutes; holding the database's write lock for so long would stop the
worker and the console. So rows are laid into a table of a scratch file, attached to the connection, with
bounded memory, and become part of the database at once: all of a file or nothing of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.insert import check_columns

_SCHEMA = "staging"


class Staging:
    """Rows that wait for the end of their file. Made by `staged_rows`."""

    def __init__(self, connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
        self._connection, self._table = connection, table
        self._names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        self._insert = f"INSERT INTO {_SCHEMA}.waiting ({self._names}) VALUES ({marks})"
        self.rows = 0

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Lays rows aside, in order."""
        connection = self._connection
        connection.execute("BEGIN")
        try:
            self.rows += connection.executemany(self._insert, rows).rowcount
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def move(self, **values: object) -> int:
        """Puts all rows into the table of the database, and returns how many.

        `values` are columns that are the same in every row and known only now. Call it inside a
        transaction.
        """
        check_columns(self._connection, self._table, [*values] or ["id"])
        names = "".join(f', "{name}"' for name in values)
        marks = ", ?" * len(values)
        moved = self._connection.execute(
            f'INSERT INTO main."{self._table}" ({self._names}{names}) '
            f"SELECT {self._names}{marks} FROM {_SCHEMA}.waiting ORDER BY rowid",
            tuple(values.values()),
        )
        return moved.rowcount


@contextmanager
def staged_rows(
    connection: sqlite3.Connection, scratch: Path, table: str, columns: Sequence[str]
) -> Iterator[Staging]:
    """A place for rows of `table`, in a new file in the folder `scratch`, gone at the end.

    Raises StorageError when the table or a column does not exist. Not to be used inside a transaction.
    """
    check_columns(connection, table, columns)
    path = scratch / "staging.db"
    connection.execute(f"ATTACH DATABASE ? AS {_SCHEMA}", (str(path),))
    try:
        # It is lost with the process anyway: no journal, no fsync.
        connection.execute(f"PRAGMA {_SCHEMA}.journal_mode = OFF")
        connection.execute(f"PRAGMA {_SCHEMA}.synchronous = OFF")
        names = ", ".join(f'"{column}"' for column in columns)
        connection.execute(f"CREATE TABLE {_SCHEMA}.waiting ({names})")
        yield Staging(connection, table, columns)
    finally:
        connection.execute(f"DETACH DATABASE {_SCHEMA}")
        path.unlink(missing_ok=True)
