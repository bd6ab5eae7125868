"""One counter row numbers every change of a browsed table.

A reader that has seen revision r asks for `rev > r`: changed rows come back without a comparison of
columns, and a row changed twice comes once, with its newest state.
"""

from __future__ import annotations

import sqlite3

from storage.errors import StorageError


def next_rev(connection: sqlite3.Connection) -> int:
    """The next revision, for rows written in the caller's transaction.

    It must be taken inside a transaction: otherwise a reader could see the number before the row.
    Raises StorageError outside of one.
    """
    if not connection.in_transaction:
        raise StorageError("a revision must be taken inside a transaction")
    rows = connection.execute("UPDATE revision SET value = value + 1 WHERE id = 1 RETURNING value").fetchall()
    return int(rows[0][0])


def current_rev(connection: sqlite3.Connection) -> int:
    """The newest revision that is committed (or written by the caller's own transaction)."""
    return int(connection.execute("SELECT value FROM revision WHERE id = 1").fetchone()[0])
