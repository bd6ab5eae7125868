"""Which signal became which position, and what its sender knew: rows, so that no crash loses them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.database import joined_transaction
from storage.errors import StorageError
from storage.insert import insert_row

KIND = "link"


class LinkRefused(StorageError):
    """A link between a signal and a position that cannot be; the text says why."""


@dataclass(frozen=True)
class LinkRow:
    """A link with its signal and the state of its position; `told` is what `keep_link` was given, or ''."""

    position_id: int
    signal_id: int
    created_ms: int
    run_id: int
    symbol: str
    strategy: str
    side: str
    ts_ms: int
    price: float
    confidence: float
    contributions: str
    position_state: str
    opened_ms: int
    told: str


def keep_link(
    connection: sqlite3.Connection, position_id: int, signal_id: int, created_ms: int, told: str
) -> None:
    """Links a signal to its position, and keeps what is told with it; in the caller's transaction, if any.

    A link that is there already stays, and so does what was told first. Raises LinkRefused.
    """
    with joined_transaction(connection):
        for table, number in (("signal", signal_id), ("position", position_id)):
            if not connection.execute(f"SELECT 1 FROM {table} WHERE id = ?", (number,)).fetchall():
                raise LinkRefused(f"there is no {table} {number} to link")
        linked = connection.execute(
            "SELECT position_id, signal_id FROM signal_position WHERE position_id = ? OR signal_id = ?",
            (position_id, signal_id),
        ).fetchall()
        if linked and linked != [(position_id, signal_id)]:
            other = linked[0]
            raise LinkRefused(f"position {other[0]} is linked to signal {other[1]} already")
        if not linked:
            columns = ("position_id", "signal_id", "created_ms")
            insert_row(connection, "signal_position", columns, (position_id, signal_id, created_ms))
        if told and not _told(connection, position_id):
            insert_row(
                connection,
                "context_record",
                ("kind", "signal_key", "strategy", "ts_ms", "data_json", "reason"),
                (KIND, _key(position_id), "", created_ms, told, ""),
            )


def link_of(connection: sqlite3.Connection, position_id: int) -> LinkRow | None:
    """The link of a position, None for one that no signal stands behind."""
    rows = connection.execute(
        "SELECT l.position_id, l.signal_id, l.created_ms, s.run_id, s.symbol, s.strategy, s.side, s.ts_ms, "
        "s.price, s.confidence, p.contributions, p.state, p.opened_ms FROM signal_position AS l "
        "JOIN signal AS s ON s.id = l.signal_id JOIN position AS p ON p.id = l.position_id "
        "WHERE l.position_id = ?",
        (position_id,),
    ).fetchall()
    return LinkRow(*(*rows[0], _told(connection, position_id))) if rows else None


def linked_positions(connection: sqlite3.Connection) -> list[int]:
    """Positions that a signal stands behind and that are not closed yet, oldest first."""
    rows = connection.execute(
        "SELECT p.id FROM position AS p JOIN signal_position AS l ON l.position_id = p.id "
        "WHERE p.state IN ('open', 'closing') ORDER BY p.id"
    ).fetchall()
    return [int(row[0]) for row in rows]


def _key(position_id: int) -> str:
    return f"position:{position_id}"


def _told(connection: sqlite3.Connection, position_id: int) -> str:
    rows = connection.execute(
        "SELECT data_json FROM context_record WHERE signal_key = ? AND kind = ? ORDER BY id LIMIT 1",
        (_key(position_id), KIND),
    ).fetchall()
    return str(rows[0][0]) if rows else ""
