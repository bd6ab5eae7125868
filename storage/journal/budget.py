"""What journals may take of the disk, and whose gradients go first when it is not enough."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storage.database import transaction
from storage.journal.rows import say_of_journal
from storage.revision import next_rev
from storage.sessions import check_attempt
from storage.workspace import Workspace

MOST_BYTES = 10_000_000_000
FREE_SHARE = 10
MEGABYTE = 1_000_000


class JournalNumbers(Protocol):
    """The settings of journals."""

    @property
    def budget_mb(self) -> int: ...
    @property
    def shard_mb(self) -> int: ...
    @property
    def shard_seconds(self) -> float: ...
    @property
    def snapshot_steps(self) -> int: ...
    @property
    def compress(self) -> str: ...


@dataclass(frozen=True)
class JournalLimits:
    """Sizes and times of a journal.

    `budget_bytes` is the most that the files of all journals may take; None is the lesser of 10 GB and a
    tenth of what is free or already taken by them. A shard is closed at `shard_bytes` or `shard_seconds`,
    a snapshot is due every `snapshot_steps`; `ring_bytes` bounds the steps that wait to be written.
    """

    budget_bytes: int | None = None
    shard_bytes: int = 64 * MEGABYTE
    shard_seconds: float = 10.0
    snapshot_steps: int = 500
    compress: str = "auto"
    ring_bytes: int = 64 * MEGABYTE

    @classmethod
    def of(cls, settings: JournalNumbers) -> JournalLimits:
        """The limits that the operator's settings ask for; a budget of -1 MB means None."""
        return cls(
            budget_bytes=None if settings.budget_mb < 0 else settings.budget_mb * MEGABYTE,
            shard_bytes=settings.shard_mb * MEGABYTE,
            shard_seconds=settings.shard_seconds,
            snapshot_steps=settings.snapshot_steps,
            compress=settings.compress,
        )


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the files of all journals take."""
    rows = connection.execute(
        "SELECT coalesce(sum(bytes), 0) FROM journal_file WHERE state = 'kept'"
    ).fetchall()
    return int(rows[0][0])


def budget_of(workspace: Workspace, limits: JournalLimits, used: int) -> int:
    """The budget in bytes. Journals count as free, or the budget would shrink as it is used."""
    if limits.budget_bytes is not None:
        return limits.budget_bytes
    free = shutil.disk_usage(workspace.root).free
    return min(MOST_BYTES, (free + used) // FREE_SHARE)


def make_room(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int, attempt: int, most: int
) -> int:
    """Takes gradients from ended sessions until all files take at most `most` bytes; returns what they take.

    The session of the lowest training value loses its shards first, of equal ones the oldest; its rows and
    its snapshots stay. The answer is above `most` when there was no more to take. Raises StaleAttempt.
    """
    _delete_given_up(workspace, connection)
    while (used := used_bytes(connection)) > most:
        with transaction(connection):
            check_attempt(connection, session_id, attempt)
            paths = _prune_one(connection, session_id)
        if not paths:
            break
        for path in paths:
            (workspace.root / path).unlink(missing_ok=True)
    return used


def _delete_given_up(workspace: Workspace, connection: sqlite3.Connection) -> None:
    """A crash may have come between giving shards up and deleting them."""
    for (path,) in connection.execute("SELECT path FROM journal_file WHERE state = 'pruned'").fetchall():
        (workspace.root / path).unlink(missing_ok=True)


def _prune_one(connection: sqlite3.Connection, session_id: int) -> list[str]:
    """Marks the shards of the session that is worth least, and returns their paths."""
    found = connection.execute(
        "SELECT journal.session_id FROM journal JOIN session ON session.id = journal.session_id "
        "WHERE session.state <> 'running' AND session.id <> ? AND EXISTS (SELECT 1 FROM journal_file AS file "
        "WHERE file.session_id = session.id AND file.kind = 'shard' AND file.state = 'kept') "
        "ORDER BY journal.training_value, session.id LIMIT 1",
        (session_id,),
    ).fetchall()
    if not found:
        return []
    victim = int(found[0][0])
    shards = connection.execute(
        "UPDATE journal_file SET state = 'pruned' "
        "WHERE session_id = ? AND kind = 'shard' AND state = 'kept' RETURNING path, bytes",
        (victim,),
    ).fetchall()
    freed = sum(row[1] for row in shards)
    connection.execute(
        "UPDATE journal SET state = 'pruned', bytes = bytes - ?, rev = ? WHERE session_id = ?",
        (freed, next_rev(connection), victim),
    )
    text = (
        f"its gradients ({freed / MEGABYTE:,.1f} MB) were given up for session {session_id}; "
        f"rows and digests stay"
    )
    say_of_journal(connection, victim, text)
    return [row[0] for row in shards]


def sweep(workspace: Workspace, connection: sqlite3.Connection, session_id: int, attempt: int) -> None:
    """Deletes files of a session's journal that no row vouches for, left by a crash. Raises StaleAttempt."""
    folder = journal_folder(workspace, session_id)
    if not folder.is_dir():
        return
    with transaction(connection):
        check_attempt(connection, session_id, attempt)
        rows = connection.execute(
            "SELECT path FROM journal_file WHERE session_id = ? AND state = 'kept'", (session_id,)
        ).fetchall()
        known = {workspace.root / row[0] for row in rows}
        for path in folder.iterdir():
            if path not in known:
                path.unlink(missing_ok=True)


def journal_folder(workspace: Workspace, session_id: int) -> Path:
    """Where the files of a session's journal lie."""
    return workspace.backprop / f"session-{session_id}" / "journal"
