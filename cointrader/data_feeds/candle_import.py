"""Candle files into the workspace: all of a file or nothing, and the same result when it is done twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cointrader.data_feeds.candle_reading import read_candle_file, read_source
from cointrader.data_feeds.candle_store import Arrival, ImportResult, store_series
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.long_reading import is_long, read_long
from cointrader.data_feeds.scratch import scratch_folder
from cointrader.data_feeds.source import CandleSource
from cointrader.interop.file_kind import Progress, SourceContent, untold
from storage.database import transaction
from storage.events import record_event
from storage.quarantine import QuarantineRow, quarantine
from storage.workspace import Workspace

__all__ = ["CandleFileError", "ImportResult", "Progress", "import_candles", "read_candle_file"]

_STEPS = 4


def import_candles(
    workspace: Workspace,
    connection: sqlite3.Connection,
    path: Path | str,
    *,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    zone: str = "UTC",
    provenance: str = "import",
    progress: Progress | None = None,
) -> ImportResult:
    """Reads, checks and stores one file of candles.

    Where bars of the same symbol and timeframe are there already, new ones are added and the old ones
    stay as they are. Raises CandleFileError for a file that is refused: nothing of it is imported, its
    refused rows and an event are kept. Raises StorageError when the workspace cannot be written to.
    """
    tell = progress or untold
    path = Path(path)
    tell(0, _STEPS, f"reading {path.name}")
    sha256 = ""
    try:
        if is_long(path):
            sha256 = SourceContent(path).sha256()
            with scratch_folder(workspace) as scratch:
                long = read_long(
                    path, scratch, symbol=symbol, timeframe=timeframe, zone=zone,
                    tell=lambda rows: tell(1, _STEPS, f"{path.name}: {rows:,} rows read"),
                )  # fmt: skip
                result = _keep(workspace, connection, Arrival(path, sha256, long, provenance), tell)
        else:
            source = CandleSource(path)
            sha256 = source.sha256
            tell(1, _STEPS, f"checking {path.name}")
            reading = read_source(source, symbol=symbol, timeframe=timeframe, zone=zone)
            result = _keep(workspace, connection, Arrival(path, sha256, reading, provenance), tell)
    except CandleFileError as error:
        _keep_refusal(connection, path.name, sha256, error)
        error.is_recorded = True
        raise
    tell(_STEPS, _STEPS, f"imported {path.name}")
    return result


def _keep(
    workspace: Workspace, connection: sqlite3.Connection, arrival: Arrival, tell: Progress
) -> ImportResult:
    tell(2, _STEPS, f"storing {arrival.reading.report.bars:,} bars of {arrival.symbol}")
    return store_series(workspace, connection, arrival)


def _keep_refusal(connection: sqlite3.Connection, name: str, sha256: str, error: CandleFileError) -> None:
    """The refused rows and an event, so that the report can still say tomorrow what was wrong."""
    rows = error.refused or (QuarantineRow(error.line, error.field, error.reason, ""),)
    with transaction(connection):
        quarantine(connection, name, sha256, rows)
        record_event(
            connection,
            "import",
            f"refused: {name}{f':{error.line}' if error.line else ''}: {error.field}: {error.reason}",
            severity="error",
            subject=name,
            data={"line": error.line, "field": error.field, "reason": error.reason},
        )
