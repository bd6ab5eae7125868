"""Which checkpoints of a session are still kept: the newest few, the rest is forgotten with its files."""

from __future__ import annotations

import sqlite3
from dataclasses import fields

from storage.database import joined_transaction
from storage.sessions import CheckpointRow, check_attempt

_COLUMNS = ", ".join(field.name for field in fields(CheckpointRow))


def checkpoints_of(connection: sqlite3.Connection, session_id: int) -> list[CheckpointRow]:
    """The kept checkpoints of a session, the one written last first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM checkpoint WHERE session_id = ? ORDER BY id DESC", (session_id,)
    ).fetchall()
    return [CheckpointRow(*row) for row in rows]


def forget_older(connection: sqlite3.Connection, session_id: int, attempt: int, *, keep: int) -> list[str]:
    """Deletes the rows of all but the newest `keep` and returns the paths whose files may go.

    Raises StaleAttempt.
    """
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        old = checkpoints_of(connection, session_id)[keep:]
        connection.executemany("DELETE FROM checkpoint WHERE id = ?", [(row.id,) for row in old])
    return [row.path for row in old]
