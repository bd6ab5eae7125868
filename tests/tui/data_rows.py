"""A workspace with series, gaps, files and refused rows, written through storage; no reader is involved."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from storage.candle_gaps import replace_gaps
from storage.candles.records import CandleFileRow, save_candle_record, save_instrument
from storage.database import open_database, transaction
from storage.quarantine import QuarantineRow, quarantine
from storage.source_files import SourceFileRow, save_source_file
from storage.workspace import Workspace

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_717_200_000_000
"""2024-06-01T00:00:00Z."""


def data_workspace(root: Path) -> Workspace:
    """BTC without a gap, ETH with three, one good file, one with refused rows, one refused whole."""
    workspace = Workspace(root).create()
    connection = open_database(workspace)
    try:
        with transaction(connection):
            add_series(connection, "BTC/USDT", 5 * MINUTE_MS, 2_000)
            eth = add_series(connection, "ETH/USDT", HOUR_MS, 1_000, gaps=3, missing=126)
            first = START_MS + HOUR_MS
            replace_gaps(
                connection,
                eth,
                [(first + a * HOUR_MS, first + b * HOUR_MS) for a, b in ((10, 10), (400, 519), (900, 904))],
            )
            add_file(connection, "/data/binance_BTC_USDT_5m.csv.gz", "candles.header", 2_000)
            add_file(connection, "/data/ETH_1h.csv", "candles.normalized", 874, refused=2)
            refused = [
                QuarantineRow(17, "high", "3.0 is below the low 4.0", "1717203600,5,3.0,4.0,4.5,12"),
                QuarantineRow(93, "close", "'n/a' is not a number", "1717477200,5,6,4,n/a,12"),
            ]
            quarantine(connection, "ETH_1h.csv", "ab" * 32, refused)
            add_file(
                connection,
                "/data/tradesv3.sqlite",
                "",
                0,
                refused=1,
                state="refused",
                note="it is an HTML page and no database",
            )
            quarantine(
                connection,
                "tradesv3.sqlite",
                "cd" * 32,
                [QuarantineRow(1, "file", "it is an HTML page and no database", "")],
            )
            connection.execute("UPDATE quarantine SET created_ms = ?", (START_MS,))
    finally:
        connection.close()
    return workspace


def add_series(
    connection: sqlite3.Connection,
    symbol: str,
    timeframe_ms: int,
    bars: int,
    *,
    gaps: int = 0,
    missing: int = 0,
) -> int:
    """A series that begins at START_MS; `bars` are those from the first to the last, missing or not."""
    base, quote = symbol.split("/")
    instrument = save_instrument(
        connection, base=base, quote=quote, venue="binance", symbol=symbol, first_seen_ms=START_MS
    )
    row = CandleFileRow(
        id=0,
        instrument_id=instrument,
        symbol=symbol,
        timeframe_ms=timeframe_ms,
        path=f"candles/{base}.parquet",
        sha256="",
        source_name=f"{base}.csv",
        source_sha256="",
        dialect="header",
        first_close_ms=START_MS + timeframe_ms,
        last_close_ms=START_MS + bars * timeframe_ms,
        bars=bars - missing,
        gaps=gaps,
        missing_bars=missing,
        duplicates=4 if missing else 0,
        refused=2 if missing else 0,
        zero_volume=0,
        provenance="import",
        imported_ms=START_MS,
    )
    return save_candle_record(connection, row)


def add_file(
    connection: sqlite3.Connection,
    path: str,
    kind: str,
    rows: int,
    *,
    refused: int = 0,
    state: str = "done",
    note: str = "",
) -> int:
    """A file that was read at START_MS."""
    row = SourceFileRow(
        id=0,
        path=path,
        kind=kind,
        state=state,
        first_seen_ms=START_MS,
        updated_ms=START_MS,
        size=4_096,
        offset=4_096,
        rows=rows,
        refused=refused,
        quarantined=refused,
        note=note,
    )
    return save_source_file(connection, row)
