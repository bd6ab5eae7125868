"""What the models said of an entry when it was decided: rows, because it is told at the close.

Between entry and close a model may be trained, replaced or removed, so what is known then says nothing of the
decision. The text is that of whoever kept it.
"""

from __future__ import annotations

import sqlite3

from storage.insert import insert_row

KIND = "opinion"


def keep_opinion(connection: sqlite3.Connection, signal_id: int, ts_ms: int, told: str) -> None:
    """Keeps what was said of a signal; call it in the transaction that stores the signal."""
    columns = ("kind", "signal_key", "strategy", "ts_ms", "data_json", "reason")
    insert_row(connection, "context_record", columns, (KIND, _key(signal_id), "", ts_ms, told, ""))


def opinion_of(connection: sqlite3.Connection, position_id: int) -> str:
    """What was said of the signal behind a position; '' where nothing was kept."""
    rows = connection.execute(
        "SELECT c.data_json FROM signal_position AS l JOIN context_record AS c "
        "ON c.signal_key = 'signal:' || l.signal_id AND +c.kind = ? "
        "WHERE l.position_id = ? ORDER BY c.id LIMIT 1",
        (KIND, position_id),
    ).fetchall()
    return str(rows[0][0]) if rows else ""


def _key(signal_id: int) -> str:
    return f"signal:{signal_id}"
