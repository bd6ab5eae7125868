"""A workspace with candles in it, put there as an import does, but from memory."""

from __future__ import annotations

import sqlite3

from models.candle_series import PlainCandles
from storage.candles import CandleFileRow, Candles, save_candle_record, save_instrument, write_candles
from storage.database import transaction
from storage.jobs import claim, enqueue, register_worker
from storage.workspace import Workspace


def store_candles(
    workspace: Workspace, connection: sqlite3.Connection, series: PlainCandles, provenance: str = "import"
) -> None:
    """Write the Parquet file and the rows that vouch for it."""
    candles = Candles(**vars(series))
    path, sha256 = write_candles(workspace, candles)
    base, _, quote = series.symbol.partition("/")
    first, last = int(series.close_ms[0]), int(series.close_ms[-1])
    with transaction(connection):
        instrument = save_instrument(
            connection, base=base, quote=quote, venue="", symbol=series.symbol, first_seen_ms=first
        )
        row = CandleFileRow(
            id=0,
            instrument_id=instrument,
            symbol=series.symbol,
            timeframe_ms=series.timeframe_ms,
            path=path,
            sha256=sha256,
            source_name="walk",
            source_sha256=sha256,
            dialect="none",
            first_close_ms=first,
            last_close_ms=last,
            bars=len(candles),
            gaps=0,
            missing_bars=0,
            duplicates=0,
            refused=0,
            zero_volume=0,
            provenance=provenance,
            imported_ms=0,
        )
        save_candle_record(connection, row)


def claimed_job(connection: sqlite3.Connection) -> int:
    """A training job that this test has claimed, at attempt 1; its lease is over at once."""
    job_id = enqueue(connection, kind="train", title="train", arguments={})
    take_over(connection)
    return job_id


def take_over(connection: sqlite3.Connection) -> int:
    """Claim the waiting or abandoned job and return its attempt."""
    job = claim(connection, register_worker(connection, cpu_slots=1, gpu_slots=0), {"cpu": 1}, 0.0)
    assert job is not None
    return job.attempt
