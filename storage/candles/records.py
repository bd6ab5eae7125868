"""What the database knows of candles: instruments, one row a series, and the lines that imports refused."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass, fields

from storage.insert import insert_row
from storage.revision import next_rev


@dataclass(frozen=True)
class CandleFileRow:
    """One series (a symbol in a timeframe) and the Parquet file that holds it.

    `path` is relative to the workspace and `sha256` is that of the Parquet file. The source and the
    dialect are those of the newest import; `duplicates` and `refused` add up over all imports, the
    other counts describe the series as it is stored. `id` is 0 for a row that is not stored yet.
    """

    id: int
    instrument_id: int
    symbol: str
    timeframe_ms: int
    path: str
    sha256: str
    source_name: str
    source_sha256: str
    dialect: str
    first_close_ms: int
    last_close_ms: int
    bars: int
    gaps: int
    missing_bars: int
    duplicates: int
    refused: int
    zero_volume: int
    provenance: str
    imported_ms: int
    rev: int = 0


_COLUMNS = tuple(entry.name for entry in fields(CandleFileRow))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM candle_file"


def list_candles(connection: sqlite3.Connection) -> list[CandleFileRow]:
    """Every series in the workspace, by symbol and timeframe."""
    rows = connection.execute(f"{_SELECT} ORDER BY symbol, timeframe_ms, id").fetchall()
    return [CandleFileRow(*row) for row in rows]


def candle_record(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> CandleFileRow | None:
    """The row of one series; None when the workspace has no such candles."""
    rows = connection.execute(
        f"{_SELECT} WHERE symbol = ? AND timeframe_ms = ? ORDER BY id DESC LIMIT 1", (symbol, timeframe_ms)
    ).fetchall()
    return CandleFileRow(*rows[0]) if rows else None


def save_candle_record(connection: sqlite3.Connection, row: CandleFileRow) -> int:
    """Inserts the row of a new series (`id` 0) or replaces an older state of it; returns its id.

    Call it inside a transaction; the revision is set here.
    """
    columns, values = _COLUMNS[1:], (*astuple(row)[1:-1], next_rev(connection))
    if row.id == 0:
        return insert_row(connection, "candle_file", columns, values)
    assignments = ", ".join(f"{column} = ?" for column in columns)
    connection.execute(f"UPDATE candle_file SET {assignments} WHERE id = ?", (*values, row.id))
    return row.id


def save_instrument(
    connection: sqlite3.Connection, *, base: str, quote: str, venue: str, symbol: str, first_seen_ms: int
) -> int:
    """The id of an instrument, made when it is new; an earlier first sight moves `first_seen_ms` back.

    Call it inside a transaction.
    """
    rows = connection.execute(
        "SELECT id, first_seen_ms FROM instrument WHERE base = ? AND quote = ? AND venue = ?",
        (base, quote, venue),
    ).fetchall()
    if not rows:
        columns = ("base", "quote", "venue", "symbol", "first_seen_ms", "rev")
        values = (base, quote, venue, symbol, first_seen_ms, next_rev(connection))
        return insert_row(connection, "instrument", columns, values)
    instrument_id, known_ms = int(rows[0][0]), int(rows[0][1])
    if first_seen_ms < known_ms:
        connection.execute(
            "UPDATE instrument SET first_seen_ms = ?, rev = ? WHERE id = ?",
            (first_seen_ms, next_rev(connection), instrument_id),
        )
    return instrument_id


def venue_of(connection: sqlite3.Connection, instrument_id: int) -> str:
    """The venue of an instrument, '' where none is known."""
    rows = connection.execute("SELECT venue FROM instrument WHERE id = ?", (instrument_id,)).fetchall()
    return str(rows[0][0]) if rows else ""
