"""Feed records whose fields stay the text they are stored as, for readers that parse many at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

PAGE = 5_000


@dataclass(frozen=True)
class RecordText:
    """A record whose fields are left as the text of their JSON, for a reader that parses many at once."""

    id: int
    ts_ms: int
    symbol: str
    source: str
    data_json: str

    @property
    def place(self) -> tuple[int, int]:
        """Where the record stands in the order of all; reading goes on after it."""
        return self.ts_ms, self.id


def record_texts(
    connection: sqlite3.Connection,
    type: str,
    symbols: Collection[str],
    *,
    after: tuple[int, int] | None = None,
    limit: int = PAGE,
) -> list[RecordText]:
    """One page of the records of a type of some symbols, oldest first, after the `place` of an earlier."""
    condition, place = ("AND (ts_ms, id) > (?, ?) ", after) if after is not None else ("", ())
    # The plus keeps SQLite on the index of the type: a symbol may have a million trades between two books.
    marks = ", ".join("?" * len(symbols))
    rows = connection.execute(
        "SELECT id, ts_ms, symbol, source, data_json FROM feed_record "
        f"WHERE type = ? AND +symbol IN ({marks}) {condition}ORDER BY ts_ms, id LIMIT ?",
        (type, *symbols, *place, limit),
    ).fetchall()
    return [RecordText(*row) for row in rows]
