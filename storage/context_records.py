"""What programs told the core: signals, rejections and profit-and-loss snapshots, kept for good.

Rows are only ever added, but for one thing: a signal that was told before it was decided gets its decision
in its `reason`. `data_json` is the text as it was given to us; who wrote it can read it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from storage.insert import insert_row

Kind = Literal["signal", "rejection", "pnl"]

ACCEPTED = "accepted"
REJECTED = "rejected"
INVALID = "invalid"
"""Decisions about a signal; an invalid one was no signal at all, and its id may be used again."""

MOST_ALIKE = 200

_WRITTEN = ("kind", "signal_key", "strategy", "ts_ms", "data_json", "reason")
_COLUMNS = "id, kind, signal_key, strategy, ts_ms, data_json, reason"


@dataclass(frozen=True)
class ContextRecord:
    """One thing that the core was told.

    `signal_key` is the id that its sender gave the signal. `reason` is why it was rejected (kind rejection),
    or what was decided (kind signal: accepted, rejected, invalid; '' while it was only told).
    """

    kind: Kind
    signal_key: str
    ts_ms: int
    data_json: str
    strategy: str = ""
    reason: str = ""
    id: int = 0


def add_context_record(connection: sqlite3.Connection, record: ContextRecord) -> int:
    """Adds a record and returns its id; inside the caller's transaction."""
    row = tuple(getattr(record, name) for name in _WRITTEN)
    return insert_row(connection, "context_record", _WRITTEN, row)


def newest_context_records(
    connection: sqlite3.Connection, kind: Kind, limit: int, *, after_id: int = 0
) -> list[ContextRecord]:
    """The latest `limit` records of a kind with an id above `after_id`, in the order they were told."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM context_record WHERE kind = ? AND id > ? ORDER BY id DESC LIMIT ?",
        (kind, after_id, limit),
    ).fetchall()
    return _records(reversed(rows))


def context_records_page(
    connection: sqlite3.Connection, kind: Kind, *, after_id: int = 0, limit: int = 5_000
) -> list[ContextRecord]:
    """The first `limit` records of a kind with an id above `after_id`: page by page, all there ever were."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM context_record WHERE kind = ? AND id > ? ORDER BY id LIMIT ?",
        (kind, after_id, limit),
    ).fetchall()
    return _records(rows)


def told_of(connection: sqlite3.Connection, signal_key: str, kind: Kind) -> list[ContextRecord]:
    """The records of a kind about one signal, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM context_record WHERE signal_key = ? AND +kind = ? ORDER BY id",
        (signal_key, kind),
    ).fetchall()
    return _records(rows)


def decision_about(connection: sqlite3.Connection, signal_key: str) -> str:
    """What was decided about a signal of this id, accepted or rejected; '' while nothing was."""
    rows = connection.execute(
        "SELECT reason FROM context_record WHERE signal_key = ? AND +kind = 'signal' "
        "AND reason IN (?, ?) ORDER BY id LIMIT 1",
        (signal_key, ACCEPTED, REJECTED),
    ).fetchall()
    return str(rows[0][0]) if rows else ""


def find_told(
    connection: sqlite3.Connection, signal_key: str, data_json: str, *, decided: bool
) -> int | None:
    """The newest record of exactly this signal that is decided, or that is not yet; None without one.

    Looked for among the latest `MOST_ALIKE` of its id: an id that comes again and again, or none at all, must
    not cost a look at everything that ever had it.
    """
    rows = connection.execute(
        "SELECT id FROM (SELECT id, kind, data_json, reason FROM context_record WHERE signal_key = ? "
        "ORDER BY id DESC LIMIT ?) WHERE kind = 'signal' AND data_json = ? "
        f"AND reason {'<>' if decided else '='} '' ORDER BY id DESC LIMIT 1",
        (signal_key, MOST_ALIKE, data_json),
    ).fetchall()
    return int(rows[0][0]) if rows else None


def newest_context_id(connection: sqlite3.Connection) -> int:
    """The id of the latest record of any kind, 0 without one."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM context_record").fetchone()[0])


def mark_decided(connection: sqlite3.Connection, record_id: int, decision: str) -> None:
    """Notes what was decided about a signal that had been told."""
    connection.execute("UPDATE context_record SET reason = ? WHERE id = ?", (decision, record_id))


def mark_withdrawn(connection: sqlite3.Connection, signal_key: str) -> None:
    """Notes that a signal that had been accepted was rejected after all."""
    connection.execute(
        "UPDATE context_record SET reason = ? WHERE signal_key = ? AND +kind = 'signal' AND reason = ?",
        (REJECTED, signal_key, ACCEPTED),
    )


def _records(rows: Iterable[tuple[int, Kind, str, str, int, str, str]]) -> list[ContextRecord]:
    return [
        ContextRecord(kind, signal_key, ts_ms, data_json, strategy, reason, id)
        for id, kind, signal_key, strategy, ts_ms, data_json, reason in rows
    ]
