"""Stored steps and snapshots, their bytes checked against the database before anything is parsed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.journal.errors import JournalDamaged, JournalMissing
from storage.journal.shard import BUFFER_PREFIX
from storage.journal.tensor_file import parse_arrays, read_checked
from storage.workspace import Workspace


@dataclass(frozen=True)
class StoredStep:
    """What an optimiser needs to make a step again, and what the weights were after it.

    gradient (P,) float32, absent (parameters,) bool, `buffers` by name as they were after the step. Arrays
    are read-only.
    """

    step: int
    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    buffers: Mapping[str, NDArray[Any]]
    learning_rate: float
    synced: bool
    weights_sha256: str
    gradient_sha256: str


@dataclass(frozen=True)
class _Row:
    """A step and the file that holds its gradient."""

    step: int
    file_id: int | None
    file_row: int | None
    learning_rate: float
    synced: int
    weights_sha256: str
    gradient_sha256: str
    path: str | None
    sha256: str | None
    state: str | None
    first_step: int | None
    raw_bytes: int | None


def snapshot_at_or_before(
    connection: sqlite3.Connection, workspace: Workspace, session_id: int, step: int
) -> tuple[int, dict[str, NDArray[Any]]]:
    """The newest snapshot that is not later than `step`, as (its step, its arrays).

    Raises JournalMissing when there is none, JournalDamaged when its file is not the one recorded.
    """
    rows = connection.execute(
        "SELECT first_step, path, sha256, raw_bytes FROM journal_file "
        "WHERE session_id = ? AND kind = 'snapshot' AND first_step <= ? AND state = 'kept' "
        "ORDER BY first_step DESC, id DESC LIMIT 1",
        (session_id, step),
    ).fetchall()
    if not rows:
        why = why_missing(connection, session_id)
        raise JournalMissing(f"session {session_id} has no snapshot at or before step {step:,}: {why}")
    at, path, sha256, raw_bytes = rows[0]
    content = read_checked(workspace.root, path, sha256, raw_bytes, session_id=session_id, step=at)
    return at, parse_arrays(content)


def stored_steps(
    connection: sqlite3.Connection, workspace: Workspace, session_id: int, first: int, last: int
) -> Iterator[StoredStep]:
    """Steps `first` to `last` of a session, each of them, in order; the next shard is read while one is used.

    Raises JournalMissing before the first step where one of them was not kept whole, JournalDamaged when the
    iteration comes to a file that is not the one recorded.
    """
    rows = [
        _Row(*row)
        for row in connection.execute(
            "SELECT step.step, step.file_id, step.file_row, step.learning_rate, step.synced, "
            "step.weights_sha256, step.gradient_sha256, file.path, file.sha256, file.state, file.first_step, "
            "file.raw_bytes "
            "FROM step LEFT JOIN journal_file AS file ON file.id = step.file_id "
            "WHERE step.session_id = ? AND step.step BETWEEN ? AND ? ORDER BY step.step",
            (session_id, first, last),
        ).fetchall()
    ]
    known = {row.step: row for row in rows}
    for step in range(first, last + 1):
        row = known.get(step)
        if row is None or row.state != "kept":
            what = "was never kept" if row is None else "is kept as norms and digests only"
            why = why_missing(connection, session_id)
            raise JournalMissing(f"step {step:,} of session {session_id} {what}: {why}")
    return _read(connection, workspace, session_id, rows)


def why_missing(connection: sqlite3.Connection, session_id: int) -> str:
    """Why a session has no gradients (or not all), in words."""
    rows = connection.execute(
        "SELECT mode, state, digest_from_step, last_step, note FROM journal WHERE session_id = ?",
        (session_id,),
    ).fetchall()
    if not rows:
        return "its training was not journalled"
    mode, state, digest_from, last_step, note = rows[0]
    if state == "pruned":
        return "its gradients were given up for those of a later session"
    if digest_from is not None:
        return f"from step {digest_from:,} on its gradients were not kept, for the budget of journals was met"
    if mode == "digest":
        return "its journal was kept in digests"
    return f"its journal ends at step {last_step:,}" + (f" ({note})" if note else "")


def _read(
    connection: sqlite3.Connection, workspace: Workspace, session_id: int, rows: list[_Row]
) -> Iterator[StoredStep]:
    shards = [list(steps) for _, steps in groupby(rows, key=lambda row: row.file_id)]
    with ThreadPoolExecutor(max_workers=1) as reading:
        ahead = [reading.submit(_load, workspace, session_id, steps[0]) for steps in shards[:1]]
        for number, steps in enumerate(shards, start=1):
            arrays = _arrays(connection, session_id, steps[0], ahead.pop())
            ahead += [reading.submit(_load, workspace, session_id, later[0]) for later in shards[number:][:1]]
            for row in steps:
                yield _step(session_id, row, arrays)


def _step(session_id: int, row: _Row, arrays: Mapping[str, NDArray[Any]]) -> StoredStep:
    place = int(row.file_row or 0)
    if place >= len(arrays["step"]) or int(arrays["step"][place]) != row.step:
        raise JournalDamaged(
            session_id, row.step, str(row.path), f"does not hold step {row.step:,} where its row says"
        )
    return StoredStep(
        step=row.step,
        gradient=arrays["gradient"][place],
        absent=arrays["absent"][place].astype(np.bool_),
        buffers={
            name.removeprefix(BUFFER_PREFIX): kept[place]
            for name, kept in arrays.items()
            if name.startswith(BUFFER_PREFIX)
        },
        learning_rate=row.learning_rate,
        synced=bool(row.synced),
        weights_sha256=row.weights_sha256,
        gradient_sha256=row.gradient_sha256,
    )


def _load(workspace: Workspace, session_id: int, row: _Row) -> dict[str, NDArray[Any]]:
    """The arrays of a shard; in a thread, which lets others run while it reads, checks and unpacks."""
    content = read_checked(
        workspace.root,
        str(row.path),
        str(row.sha256),
        int(row.raw_bytes or 0),
        session_id=session_id,
        step=int(row.first_step or row.step),
    )
    return parse_arrays(content)


def _arrays(
    connection: sqlite3.Connection, session_id: int, row: _Row, loaded: Future[dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """What was loaded; a shard that was given up while we read is missing, not damaged."""
    try:
        return loaded.result()
    except JournalDamaged:
        state = connection.execute("SELECT state FROM journal_file WHERE id = ?", (row.file_id,)).fetchall()
        if state != [("kept",)]:
            raise JournalMissing(
                f"step {row.step:,} of session {session_id}: {why_missing(connection, session_id)}"
            ) from None
        raise
