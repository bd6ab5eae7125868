"""The session of a job that stopped: a process that was killed could not say in its row that it has ended."""

from __future__ import annotations

import sqlite3

from storage import clock
from storage.revision import next_rev


def end_open_sessions(connection: sqlite3.Connection, job_id: int, state: str) -> None:
    """Sessions of the job that still say that they run, or that they wait to go on, take the job's state.

    Call it inside the transaction that changes the job. What a session has said of its own end stays.
    """
    connection.execute(
        "UPDATE session SET state = ?, ended_ms = ?, rev = ? "
        "WHERE job_id = ? AND state IN ('running', 'interrupted') AND state <> ?",
        (state, clock.now_ms(), next_rev(connection), job_id, state),
    )
