"""Steps and the files that hold them, recorded together and fenced by the attempt that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from storage.clock import now_ms
from storage.insert import insert_row, insert_rows
from storage.journal.rows import say_of_journal
from storage.revision import next_rev
from storage.sessions import check_attempt

_STEP_COLUMNS = (
    *("session_id", "step", "attempt", "file_id", "file_row", "learning_rate", "loss", "losses_json"),
    *("gradient_norm", "norms", "batch", "priority", "value", "synced"),
    *("weights_sha256", "gradient_sha256", "ts_ms"),
)
_FILE_COLUMNS = (
    *("session_id", "kind", "attempt", "first_step", "last_step"),
    *("path", "sha256", "bytes", "raw_bytes", "created_ms"),
)


@dataclass(frozen=True)
class StepValues:
    """What stands in the row of a step; `file_row` is its place in the shard that is written with it."""

    step: int
    file_row: int | None
    learning_rate: float
    losses_json: str
    loss: float | None
    norms: bytes
    gradient_norm: float | None
    batch: bytes
    priority: float
    value: float
    synced: bool
    weights_sha256: str
    gradient_sha256: str
    ts_ms: int


@dataclass(frozen=True)
class FileValues:
    """A shard or a snapshot that is whole on the disk; `path` is relative to the workspace."""

    kind: str
    first_step: int
    last_step: int
    path: str
    sha256: str
    bytes: int
    raw_bytes: int


@dataclass(frozen=True)
class _Earlier:
    """A step as an earlier attempt had written it."""

    weights_sha256: str
    gradient_sha256: str
    file_id: int | None
    file_row: int | None


def record_steps(
    connection: sqlite3.Connection,
    session_id: int,
    attempt: int,
    files: Sequence[FileValues],
    steps: Sequence[StepValues],
) -> list[str]:
    """Records files and steps inside the caller's transaction; returns paths that may be deleted after it.

    Steps that an earlier attempt had written are replaced. Where their weights were others, the two attempts
    did not compute the same: this is said in the journal's note and as an event, and what the earlier one had
    written beyond is dropped, because it is not the past of this session any more. Raises StaleAttempt.
    """
    check_attempt(connection, session_id, attempt)
    paths: list[str] = []
    shard_id = None
    for file in files:
        file_id = _insert_file(connection, session_id, attempt, file)
        if file.kind == "shard":
            shard_id = file_id
        else:
            paths += _drop_files(
                connection,
                "kind = 'snapshot' AND first_step = ? AND id <> ?",
                session_id,
                file.first_step,
                file_id,
            )
    if steps:
        earlier, dropped = _take_out(connection, session_id, attempt, steps)
        rows = [_step_row(session_id, attempt, step, shard_id, earlier.get(step.step)) for step in steps]
        insert_rows(connection, "step", _STEP_COLUMNS, rows)
        paths += dropped + (_unused_shards(connection, session_id) if earlier else [])
    connection.execute(
        "UPDATE journal SET rev = ?1, "
        "last_step = coalesce((SELECT max(step) FROM step WHERE session_id = ?2), 0), "
        "bytes = (SELECT coalesce(sum(bytes), 0) FROM journal_file WHERE session_id = ?2 AND state = 'kept') "
        "WHERE session_id = ?2",
        (next_rev(connection), session_id),
    )
    return paths


def _insert_file(connection: sqlite3.Connection, session_id: int, attempt: int, file: FileValues) -> int:
    place = (session_id, file.kind, attempt, file.first_step, file.last_step)
    content = (file.path, file.sha256, file.bytes, file.raw_bytes, now_ms())
    return insert_row(connection, "journal_file", _FILE_COLUMNS, (*place, *content))


def _take_out(
    connection: sqlite3.Connection, session_id: int, attempt: int, steps: Sequence[StepValues]
) -> tuple[dict[int, _Earlier], list[str]]:
    """Deletes the rows that `steps` replace; returns them, and the paths of snapshots that went with them."""
    first, last = steps[0].step, steps[-1].step
    found = connection.execute(
        "SELECT step, weights_sha256, gradient_sha256, file_id, file_row FROM step "
        "WHERE session_id = ? AND step BETWEEN ? AND ?",
        (session_id, first, last),
    ).fetchall()
    if not found:
        return {}, []
    earlier = {row[0]: _Earlier(*row[1:]) for row in found}
    others = [
        step.step
        for step in steps
        if step.step in earlier and earlier[step.step].weights_sha256 != step.weights_sha256
    ]
    paths: list[str] = []
    if others:
        last = 1 << 62
        paths = _drop_files(
            connection,
            "kind = 'snapshot' AND first_step >= ? AND attempt < ?",
            session_id,
            others[0],
            attempt,
        )
        text = (
            f"not comparable to the bit: attempt {attempt} computed step {others[0]:,} again, "
            f"with other weights; the journal follows this attempt from there"
        )
        say_of_journal(connection, session_id, text, warning=True)
    connection.execute(
        "DELETE FROM step WHERE session_id = ? AND step BETWEEN ? AND ?", (session_id, first, last)
    )
    return earlier, paths


def _step_row(
    session_id: int, attempt: int, step: StepValues, shard_id: int | None, earlier: _Earlier | None
) -> tuple[object, ...]:
    """The row; a gradient of which only the digest is kept now may lie in a file of the earlier attempt."""
    file_id, file_row = (shard_id, step.file_row) if step.file_row is not None else (None, None)
    if file_id is None and earlier is not None and earlier.gradient_sha256 == step.gradient_sha256:
        file_id, file_row = earlier.file_id, earlier.file_row
    return (
        *(session_id, step.step, attempt, file_id, file_row, step.learning_rate, step.loss, step.losses_json),
        *(step.gradient_norm, step.norms, step.batch, step.priority, step.value, int(step.synced)),
        *(step.weights_sha256, step.gradient_sha256, step.ts_ms),
    )


def _unused_shards(connection: sqlite3.Connection, session_id: int) -> list[str]:
    """Forgets the shards that no step refers to any more and returns their paths."""
    return _drop_files(
        connection,
        "kind = 'shard' AND NOT EXISTS (SELECT 1 FROM step WHERE step.session_id = journal_file.session_id "
        "AND step.step BETWEEN first_step AND last_step AND step.file_id = journal_file.id)",
        session_id,
    )


def _drop_files(connection: sqlite3.Connection, which: str, session_id: int, *values: object) -> list[str]:
    """Deletes rows of files of a session and returns the paths that no other row names."""
    gone = connection.execute(
        f"DELETE FROM journal_file WHERE session_id = ? AND {which} RETURNING path", (session_id, *values)
    ).fetchall()
    named = {
        row[0]
        for row in connection.execute(
            "SELECT path FROM journal_file WHERE session_id = ? AND state = 'kept'", (session_id,)
        ).fetchall()
    }
    return [row[0] for row in gone if row[0] not in named]
