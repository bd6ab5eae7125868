"""The job that drains the outbox: one at most, which knows what had changed when it was asked for."""

from __future__ import annotations

import sqlite3

from storage import jobs as queue
from storage.outbox import newest_change

KIND = "train_closes"

_UNFINISHED = (
    "SELECT coalesce(max(id), 0) FROM job WHERE kind = ? AND state IN ('queued', 'running', 'interrupted')"
)


def unfinished_job(connection: sqlite3.Connection) -> int:
    """The job that drains the outbox now or soon; 0 when there is none."""
    return int(connection.execute(_UNFINISHED, (KIND,)).fetchall()[0][0])


def ask_to_train(connection: sqlite3.Connection) -> int:
    """The job that drains the outbox, queued now unless there is one; call it inside a transaction."""
    known = unfinished_job(connection)
    if known:
        return known
    return queue.enqueue(
        connection,
        kind=KIND,
        title="Learn from closed positions",
        arguments={"seen": newest_change(connection)},
    )
