"""The ordered keys of a whole result, kept in a temporary table of one connection.

For orders without an index, and for searches: one pass over the table instead of one a page. It lives
in SQLite's temporary storage and goes with the connection, or earlier when it is dropped.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.pages.order import Order

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Snapshot:
    """A temporary table (missing, value, id) whose own order is the wanted one."""

    name: str
    order: Order

    @classmethod
    def take(
        cls, connection: sqlite3.Connection, order: Order, source: str, parameters: Sequence[Any]
    ) -> Snapshot:
        """Keeps the keys of a result; interruptible, and leaves nothing behind when it is interrupted.

        `source` is the SQL from FROM to the end of WHERE.
        """
        name = f"temp.page_keys_{next(_numbers)}"
        direction = "DESC" if order.descending else "ASC"
        missing = order.missing or "0"
        create = (
            f"CREATE TABLE {name} (missing, value, id, "
            f"PRIMARY KEY (missing, value {direction}, id {direction})) WITHOUT ROWID"
        )
        # Filled in its own order: every row is appended. A primary key cannot hold NULL.
        fill = (
            f"INSERT INTO {name} SELECT {missing}, coalesce({order.value}, 0), {order.id} {source} "
            f"ORDER BY 1, 2 {direction}, 3 {direction}"
        )
        _write(connection, create)
        try:
            _write(connection, fill, parameters)
        except BaseException:
            _write(connection, f"DROP TABLE {name}")
            raise
        shown = "CASE s.missing WHEN 0 THEN s.value END"
        return cls(name, Order("s.value", "s.id", order.descending, shown, "s.missing = 1", "s.missing = 0"))

    def drop(self, connection: sqlite3.Connection) -> None:
        """Frees what the snapshot holds."""
        _write(connection, f"DROP TABLE IF EXISTS {self.name}")


def _write(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any] = ()) -> None:
    """Writes to temporary storage, which `query_only` would refuse although it is not the database."""
    guarded = bool(connection.execute("PRAGMA query_only").fetchone()[0])
    if guarded:
        connection.execute("PRAGMA query_only = OFF")
    try:
        connection.execute(sql, parameters)
    finally:
        if guarded:
            connection.execute("PRAGMA query_only = ON")
