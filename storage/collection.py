"""How far the collection of setups has come with each series, what it brought, what it refused and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.revision import next_rev


@dataclass(frozen=True)
class Refused:
    """How many packages were refused for one reason, the newest of them, and one in words."""

    n: int
    last_ts_ms: int
    example: str


@dataclass(frozen=True)
class CollectionRow:
    """How far the collection of a series has come, see `storage.tables.setups.Collection`."""

    id: int
    symbol: str
    timeframe_ms: int
    last_ts_ms: int
    collected: int
    refused: int
    rapid: int
    validated: int
    completeness_sum: float
    last_error: str
    last_error_ms: int | None
    updated_ms: int
    rev: int

    @property
    def mean_completeness(self) -> float | None:
        """Over all ten fields, of what was collected; None where nothing was."""
        return self.completeness_sum / self.collected if self.collected else None


_COLLECTION_COLUMNS = ", ".join(field.name for field in fields(CollectionRow))


def count_collected(
    connection: sqlite3.Connection,
    symbol: str,
    timeframe_ms: int,
    *,
    at_ms: int,
    rev: int,
    until_ms: int = 0,
    collected: int = 0,
    rapid: int = 0,
    completeness_sum: float = 0.0,
    refused: Mapping[str, Refused] | None = None,
) -> int:
    """Adds to the counts of a series, which moves on to `until_ms`; returns the id of its collection.

    Call it inside a transaction.
    """
    reasons = refused or {}
    refusals = sum(each.n for each in reasons.values())
    values = (
        *(symbol, timeframe_ms, until_ms, collected, refusals, rapid),
        *(completeness_sum, at_ms, rev),
    )
    rows = connection.execute(
        "INSERT INTO collection (symbol, timeframe_ms, last_ts_ms, collected, refused, rapid, "
        "completeness_sum, updated_ms, rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (symbol, timeframe_ms) DO UPDATE SET last_ts_ms = max(last_ts_ms, excluded.last_ts_ms), "
        "collected = collected + excluded.collected, refused = refused + excluded.refused, "
        "rapid = rapid + excluded.rapid, completeness_sum = completeness_sum + excluded.completeness_sum, "
        "updated_ms = excluded.updated_ms, rev = excluded.rev RETURNING id",
        values,
    ).fetchall()
    collection_id = int(rows[0][0])
    _count_refusals(connection, collection_id, reasons)
    return collection_id


def note_collection_error(connection: sqlite3.Connection, symbol: str, timeframe_ms: int, error: str) -> None:
    """Keeps why the collection of a series could not go on; its place in the series stays."""
    with joined_transaction(connection):
        rev, at_ms = next_rev(connection), now_ms()
        count_collected(connection, symbol, timeframe_ms, at_ms=at_ms, rev=rev)
        connection.execute(
            "UPDATE collection SET last_error = ?, last_error_ms = ? WHERE symbol = ? AND timeframe_ms = ?",
            (error, at_ms, symbol, timeframe_ms),
        )


def pass_over(connection: sqlite3.Connection, symbol: str, timeframe_ms: int, until_ms: int) -> None:
    """Moves the collection of a series on to a moment where nothing was to be collected."""
    with joined_transaction(connection):
        rev = next_rev(connection)
        count_collected(connection, symbol, timeframe_ms, at_ms=now_ms(), rev=rev, until_ms=until_ms)


def collections(connection: sqlite3.Connection) -> list[CollectionRow]:
    """How far every collected series has come, by symbol and timeframe."""
    rows = connection.execute(
        f"SELECT {_COLLECTION_COLUMNS} FROM collection ORDER BY symbol, timeframe_ms"
    ).fetchall()
    return [CollectionRow(*row) for row in rows]


def collection_of(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> CollectionRow | None:
    """How far one series has come; None before its first collection."""
    rows = connection.execute(
        f"SELECT {_COLLECTION_COLUMNS} FROM collection WHERE symbol = ? AND timeframe_ms = ?",
        (symbol, timeframe_ms),
    ).fetchall()
    return CollectionRow(*rows[0]) if rows else None


def refusals(connection: sqlite3.Connection, collection_id: int) -> dict[str, Refused]:
    """Why packages of a collection were refused, the most frequent reason first."""
    rows = connection.execute(
        "SELECT reason, n, last_ts_ms, example FROM collection_refusal WHERE collection_id = ? "
        "ORDER BY n DESC, reason",
        (collection_id,),
    ).fetchall()
    return {row[0]: Refused(*row[1:]) for row in rows}


def _count_refusals(
    connection: sqlite3.Connection, collection_id: int, refused: Mapping[str, Refused]
) -> None:
    connection.executemany(
        "INSERT INTO collection_refusal (collection_id, reason, n, last_ts_ms, example) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (collection_id, reason) DO UPDATE SET n = n + excluded.n, "
        "last_ts_ms = max(last_ts_ms, excluded.last_ts_ms), example = excluded.example",
        [(collection_id, reason, each.n, each.last_ts_ms, each.example) for reason, each in refused.items()],
    )
