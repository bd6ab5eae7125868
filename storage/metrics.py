"""What a training loop logged, written in batches: one transaction for many numbers."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.insert import insert_rows
from storage.sessions import check_attempt

_COLUMNS = ("session_id", "attempt", "step", "name", "value", "state", "ts_ms")


def write_metrics(
    connection: sqlite3.Connection, session_id: int, attempt: int, rows: Sequence[tuple[int, str, float]]
) -> None:
    """Adds rows of (step, name, value) to a session.

    SQLite stores NaN as NULL, so what is not finite is kept as NULL with its state beside it: a curve
    can then say where it broke. Raises StaleAttempt.
    """
    if not rows:
        return
    written_ms = now_ms()
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        insert_rows(
            connection,
            "metric",
            _COLUMNS,
            [
                (session_id, attempt, step, name, *stored_number(value), written_ms)
                for step, name, value in rows
            ],
        )


def stored_number(value: float) -> tuple[float | None, str]:
    """A number as the database keeps it: (value, "finite"), or (None, "nan" | "inf" | "-inf")."""
    if math.isfinite(value):
        return float(value), "finite"
    if math.isnan(value):
        return None, "nan"
    return None, "inf" if value > 0 else "-inf"
