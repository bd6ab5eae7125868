"""The ordered keys of a whole result, kept in a temporary table of one connection.

For orders without an index, for searches, and for filters that let few rows through: one pass over the
table instead of one a page. A row's number in the table is its place, so any row is reached at once,
and a key is found by halving. It lives in SQLite's temporary storage and goes with the connection, or
earlier when it is dropped.
"""

from __future__ import annotations

import itertools
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from storage.pages.anchors import Anchors
from storage.pages.order import Key, Order

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Snapshot:
    """A temporary table (value, id), its rows numbered from 1 in the wanted order."""

    connection: sqlite3.Connection
    name: str
    count: int
    descending: bool

    @classmethod
    def take(
        cls, connection: sqlite3.Connection, order: Order, source: str, parameters: Sequence[Any]
    ) -> Snapshot:
        """Keeps the keys of a result; interruptible, and leaves nothing behind when it is interrupted.

        `source` is the SQL from FROM to the end of WHERE.
        """
        fill = f"SELECT {order.value}, {order.id} {source} ORDER BY {order.clause}"
        with _new_table(connection) as name:
            count = connection.execute(f"INSERT INTO {name} {fill}", parameters).rowcount
        return cls(connection, name, count, order.descending)

    @classmethod
    def keep(cls, connection: sqlite3.Connection, order: Order, keys: Sequence[Key]) -> Snapshot:
        """Keeps keys that have been read already, all of them and in order."""
        with _new_table(connection) as name, _in_one(connection):
            connection.executemany(f"INSERT INTO {name} VALUES (?, ?)", keys)
        return cls(connection, name, len(keys), order.descending)

    def anchors(self, every: int) -> Anchors:
        """The count and the key of every n-th row."""
        rows = self.connection.execute(
            f"SELECT value, id FROM {self.name} WHERE (rowid - 1) % ? = 0 ORDER BY rowid", (every,)
        )
        return Anchors(self.count, every, tuple(rows.fetchall()))

    def numbers(self, start: Key | None, n: int, *, backward: bool, inclusive: bool) -> tuple[int, int]:
        """The first and the last number of the n rows from a key (or from an end) on."""
        if start is None:
            return (self.count - n + 1, self.count) if backward else (1, n)
        # The number of rows before the place from which is read.
        before = self._rows_before(start, with_key=inclusive if backward else not inclusive)
        return (before - n + 1, before) if backward else (before + 1, before + n)

    def drop(self) -> None:
        """Frees what the snapshot holds."""
        with _writing(self.connection):
            _surely(self.connection, f"DROP TABLE IF EXISTS {self.name}")

    def _rows_before(self, key: Key, *, with_key: bool) -> int:
        find = bisect_right if with_key else bisect_left
        return find(range(1, self.count + 1), _Place(key, self.descending), key=self._place)

    def _place(self, number: int) -> _Place:
        sql = f"SELECT value, id FROM {self.name} WHERE rowid = ?"
        return _Place(self.connection.execute(sql, (number,)).fetchall()[0], self.descending)


@dataclass(frozen=True)
class _Place:
    """A key that compares as the order does: missing values last, then value and id by direction."""

    key: Key
    descending: bool

    def __lt__(self, other: _Place) -> bool:
        mine, its = self.key, other.key
        if (mine[0] is None) != (its[0] is None):
            return its[0] is None
        left: Any = mine if mine[0] is not None else mine[1]
        right: Any = its if its[0] is not None else its[1]
        return bool(left > right if self.descending else left < right)


@contextmanager
def _new_table(connection: sqlite3.Connection) -> Iterator[str]:
    """A fresh temporary table to be filled; it is gone again when that fails."""
    name = f"temp.page_keys_{next(_numbers)}"
    with _writing(connection):
        connection.execute(f"CREATE TABLE {name} (value, id)")
        try:
            yield name
        except BaseException:
            _surely(connection, f"DROP TABLE {name}")
            raise


@contextmanager
def _in_one(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction for many statements, where the caller has none; temporary storage locks nobody."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        connection.execute("COMMIT")


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Lets temporary storage be written, which `query_only` refuses although it is not the database."""
    guarded = bool(connection.execute("PRAGMA query_only").fetchall()[0][0])
    if guarded:
        connection.execute("PRAGMA query_only = OFF")
    try:
        yield
    finally:
        if guarded:
            _surely(connection, "PRAGMA query_only = ON")


def _surely(connection: sqlite3.Connection, sql: str) -> None:
    """Tidies up, even when somebody interrupts the connection once more meanwhile."""
    while True:
        try:
            connection.execute(sql)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
