"""The optimiser steps of a session as rows: what was lost and learned at each, and where its gradient lies.

Plain `sqlite3` and no arrays, so that the console can show any step of any session. The gradients themselves
are read by `storage.journal`.
"""

from __future__ import annotations

import array
import json
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from storage.errors import StorageError

WHOLE, DIGEST, PRUNED = "whole", "digest", "pruned"


@dataclass(frozen=True)
class StepRow:
    """One row of `step` with the file that holds its gradient, where one does.

    `norms` are float32, one a layer of the journal; `batch` int32, rows of the session's dataset;
    `gradient_norm` and `loss` are None where they were not finite. `file_state` is that of the shard.
    """

    id: int
    session_id: int
    step: int
    attempt: int
    file_id: int | None
    file_row: int | None
    learning_rate: float
    loss: float | None
    losses_json: str
    gradient_norm: float | None
    norms: bytes
    batch: bytes
    priority: float
    value: float
    synced: int
    weights_sha256: str
    gradient_sha256: str
    ts_ms: int
    path: str | None
    file_state: str | None

    @property
    def losses(self) -> dict[str, float | None]:
        """Loss parts by name; None where one was not finite."""
        parts: dict[str, float | None] = json.loads(self.losses_json)
        return parts

    @property
    def kept(self) -> str:
        """whole: its gradient is kept; digest: it never was; pruned: it was given up for room."""
        if self.file_id is None:
            return DIGEST
        return WHOLE if self.file_state == "kept" else PRUNED


@dataclass(frozen=True)
class JournalRow:
    """One row of `journal`: how the steps of a session are kept, and on what they depend to the bit."""

    session_id: int
    mode: str
    state: str
    layout_json: str
    optimiser: str
    optimiser_json: str
    torch_version: str
    capability: str
    onednn_isa: str
    threads: int
    parameters: int
    budget_bytes: int
    bytes: int
    last_step: int
    digest_from_step: int | None
    training_value: float
    note: str
    rev: int

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Modules that have parameters, in the order of the norms of a step."""
        tensors: list[dict[str, Any]] = json.loads(self.layout_json)["tensors"]
        return tuple(dict.fromkeys(tensor["layer"] for tensor in tensors if tensor["kind"] == "parameter"))


@dataclass(frozen=True)
class StepRange:
    """Which steps a session has: the first, the last, and how many rows there are."""

    first: int
    last: int
    count: int


_OWN = [field.name for field in fields(StepRow) if field.name not in ("path", "file_state")]
_SELECT = (
    f"SELECT {', '.join(f'step.{name}' for name in _OWN)}, file.path, file.state "
    "FROM step LEFT JOIN journal_file AS file ON file.id = step.file_id"
)
_JOURNAL = ", ".join(field.name for field in fields(JournalRow))


def get_step(connection: sqlite3.Connection, session_id: int, step: int) -> StepRow:
    """One step. Raises StorageError saying which steps there are."""
    rows = connection.execute(
        f"{_SELECT} WHERE step.session_id = ? AND step.step = ?", (session_id, step)
    ).fetchall()
    if rows:
        return StepRow(*rows[0])
    known = step_range(connection, session_id)
    there = "no steps are kept" if known is None else f"steps {known.first:,} to {known.last:,} are kept"
    raise StorageError(f"session {session_id} has no step {step:,}; {there}")


def step_range(connection: sqlite3.Connection, session_id: int) -> StepRange | None:
    """The steps of a session; None when none is kept."""
    first, last, count = connection.execute(
        "SELECT min(step), max(step), count(*) FROM step WHERE session_id = ?", (session_id,)
    ).fetchone()
    return StepRange(first, last, count) if count else None


def steps_between(
    connection: sqlite3.Connection, session_id: int, first: int, last: int, limit: int = 1_000
) -> list[StepRow]:
    """Steps `first` to `last` in order, at most `limit` of them."""
    rows = connection.execute(
        f"{_SELECT} WHERE step.session_id = ? AND step.step BETWEEN ? AND ? ORDER BY step.step LIMIT ?",
        (session_id, first, last, limit),
    ).fetchall()
    return [StepRow(*row) for row in rows]


def norms_of(row: StepRow, journal: JournalRow | Sequence[str]) -> dict[str, float]:
    """The norm of each layer's gradient, by the layers of the session's journal (or their names)."""
    layers = journal.layers if isinstance(journal, JournalRow) else tuple(journal)
    return dict(zip(layers, _numbers("f", row.norms), strict=True))


def batch_of(row: StepRow) -> tuple[int, ...]:
    """Rows of the session's dataset that the step was made from."""
    return tuple(_numbers("i", row.batch))


def journal_of(connection: sqlite3.Connection, session_id: int) -> JournalRow | None:
    """How a session's steps are kept; None when its training was not journalled."""
    rows = connection.execute(
        f"SELECT {_JOURNAL} FROM journal WHERE session_id = ?", (session_id,)
    ).fetchall()
    return JournalRow(*rows[0]) if rows else None


def _numbers(code: str, content: bytes) -> list[Any]:
    """Little-endian four-byte numbers of a column."""
    numbers = array.array(code, content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
