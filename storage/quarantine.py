"""Lines that an import refused, kept as they were read so that the report can still say what was wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from storage.clock import now_ms
from storage.insert import insert_rows


@dataclass(frozen=True)
class QuarantineRow:
    """A line that an import refused: where it stood, which field was wrong and why, and its text."""

    line: int
    field: str
    reason: str
    raw: str


_COLUMNS = ("source_name", "source_sha256", "line", "field", "reason", "raw", "created_ms")


def quarantine(
    connection: sqlite3.Connection, source_name: str, source_sha256: str, refused: Sequence[QuarantineRow]
) -> int:
    """Keeps the refused lines of a source in place of those of an earlier import of the same bytes.

    Returns how many there are. Call it inside a transaction.
    """
    connection.execute(
        "DELETE FROM quarantine WHERE source_name = ? AND source_sha256 = ?", (source_name, source_sha256)
    )
    return add_to_quarantine(connection, source_name, source_sha256, refused)


def add_to_quarantine(
    connection: sqlite3.Connection, source_name: str, source_sha256: str, refused: Sequence[QuarantineRow]
) -> int:
    """Keeps further refused lines of a source that is read in parts; call it inside a transaction."""
    created_ms = now_ms()
    rows = [
        (source_name, source_sha256, row.line, row.field, row.reason, row.raw, created_ms) for row in refused
    ]
    return insert_rows(connection, "quarantine", _COLUMNS, rows) if rows else 0
