"""Candle files into the workspace: all of a file or nothing, and the same result when it is done twice.

The Parquet file is written first, under a name that carries its hash; one transaction then makes it the
series of its symbol and timeframe, with the refused rows and an event. A crash between the two leaves a
file that nobody reads and that the next import replaces.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cointrader.data_feeds.candle_merge import Merge, merge_candles
from cointrader.data_feeds.candle_reading import CandleReading, read_candle_file, read_source
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.quality import QualityReport, find_gaps
from cointrader.data_feeds.source import CandleSource
from storage.candles import (
    CandleFileRow,
    CandlesDamaged,
    CandlesMissing,
    QuarantineRow,
    candle_record,
    quarantine,
    read_series,
    save_candle_record,
    save_instrument,
    timeframe_text,
    write_candles,
)
from storage.candles.records import venue_of
from storage.clock import now_ms
from storage.database import transaction
from storage.events import record_event
from storage.workspace import Workspace

__all__ = ["CandleFileError", "ImportResult", "Progress", "import_candles", "read_candle_file"]

Progress = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""

_STEPS = 4


@dataclass(frozen=True)
class ImportResult:
    """What an import did. `bars` are those of the file, `bars_stored` those of the series after it.

    `bars_added` were new; `conflicts` were there already with other values, which were kept.
    `already_there` says that nothing was new and the series was not touched. `overlap` is a sentence
    that says which bars win where the file and the series have the same ones, and why.
    """

    source_name: str
    source_sha256: str
    dialect: str
    symbol: str
    venue: str
    timeframe_ms: int
    bars: int
    bars_added: int
    bars_stored: int
    conflicts: int
    already_there: bool
    report: QualityReport
    refused: tuple[QuarantineRow, ...]
    overlap: str = ""

    @property
    def text(self) -> str:
        """One sentence for the operator."""
        series = f"{self.symbol} {timeframe_text(self.timeframe_ms)}"
        if self.already_there:
            return f"{self.source_name}: nothing new, all {self.bars:,} bars of {series} are already there"
        parts = [f"{self.bars_added:,} bars of {series}", f"{self.report.gaps:,} gaps"]
        if self.bars_added < self.bars:
            parts.append(f"{self.bars - self.bars_added:,} were there already")
        counts = {
            "had other values, which were kept": self.conflicts,
            "rows refused": self.report.refused,
            "repeated rows dropped": self.report.duplicates,
            "rows out of order sorted": self.report.out_of_order,
        }
        parts += [f"{count:,} {words}" for words, count in counts.items() if count]
        return f"{self.source_name}: {', '.join(parts)}"


@dataclass(frozen=True, eq=False)
class _Arrival:
    """A file that was read, on its way into the workspace."""

    path: Path
    sha256: str
    reading: CandleReading
    provenance: str


class _SeriesChanged(Exception):
    """Another import has changed the series since it was read; the merge must be made again."""


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
    tell = progress or _silent
    path = Path(path)
    tell(0, _STEPS, f"reading {path.name}")
    sha256 = ""
    try:
        source = CandleSource(path)
        sha256 = source.sha256
        tell(1, _STEPS, f"checking {path.name}")
        reading = read_source(source, symbol=symbol, timeframe=timeframe, zone=zone)
        arrival = _Arrival(path, sha256, reading, provenance)
        tell(2, _STEPS, f"storing {reading.report.bars:,} bars of {reading.candles.symbol}")
        result = None
        while result is None:
            try:
                result = _store(workspace, connection, arrival)
            except _SeriesChanged:
                continue
    except CandleFileError as error:
        _keep_refusal(connection, path.name, sha256, error)
        error.is_recorded = True
        raise
    tell(_STEPS, _STEPS, f"imported {path.name}")
    return result


def _silent(done: int, total: int, message: str) -> None:
    """Progress for nobody."""


def _store(workspace: Workspace, connection: sqlite3.Connection, arrival: _Arrival) -> ImportResult:
    new = arrival.reading.candles
    before = candle_record(connection, new.symbol, new.timeframe_ms)
    if before is not None:
        _refuse_mixing(connection, before, arrival)
    merge, note = _merge(workspace, before, arrival)
    result = _result(arrival, merge, _overlap(arrival, merge, before))
    stored = None if result.already_there else write_candles(workspace, merge.candles)
    with transaction(connection):
        if candle_record(connection, new.symbol, new.timeframe_ms) != before:
            raise _SeriesChanged
        if stored is not None:
            instrument_id = before.instrument_id if before else _new_instrument(connection, arrival)
            save_candle_record(connection, _row(arrival, merge, before, instrument_id, stored))
        quarantine(connection, arrival.path.name, arrival.sha256, arrival.reading.refused)
        record_event(
            connection,
            "import",
            f"{result.text}{note}",
            severity="warning" if note or result.report.refused or result.conflicts else "info",
            subject=new.symbol,
            data={"source_sha256": arrival.sha256, "bars": len(new), "added": merge.added},
        )
    if before is not None and stored is not None and before.path != stored[0]:
        (workspace.root / before.path).unlink(missing_ok=True)
    return result


def _merge(workspace: Workspace, before: CandleFileRow | None, arrival: _Arrival) -> tuple[Merge, str]:
    """The series after the import, and a note when the stored one could not be used."""
    new = arrival.reading.candles
    if before is None:
        return Merge(new, len(new), 0), ""
    try:
        kept = read_series(workspace, before)
    except (CandlesMissing, CandlesDamaged) as error:
        return Merge(new, len(new), 0), f". The stored series was unusable and is replaced: {error}"
    try:
        return merge_candles(kept, new), ""
    except ValueError as error:
        reason = f"does not fit the {timeframe_text(new.timeframe_ms)} bars of {new.symbol} here: {error}"
        raise CandleFileError(arrival.path, 0, "time", reason) from error


def _refuse_mixing(connection: sqlite3.Connection, before: CandleFileRow, arrival: _Arrival) -> None:
    """Bars of two venues, or made-up ones among real ones, never become one series."""
    series = f"{before.symbol} {timeframe_text(before.timeframe_ms)}"
    kept_venue, venue = venue_of(connection, before.instrument_id), arrival.reading.instrument.venue
    if kept_venue and venue and kept_venue != venue:
        reason = f"{series} is kept from {kept_venue} and this file is from {venue}; use another workspace"
        raise CandleFileError(arrival.path, 0, "symbol", reason)
    if before.provenance != arrival.provenance:
        reason = f"{series} is kept as {before.provenance!r} and this file is {arrival.provenance!r}"
        raise CandleFileError(arrival.path, 0, "provenance", f"{reason}; use another workspace")


def _overlap(arrival: _Arrival, merge: Merge, before: CandleFileRow | None) -> str:
    shared = len(arrival.reading.candles) - merge.added
    if before is None or shared == 0 or before.source_sha256 == arrival.sha256:
        return ""
    differing = f"{merge.conflicts:,} of them differ" if merge.conflicts else "all agree"
    return (
        f"{shared:,} bars are in {before.source_name} too, which was imported before, and {differing}: "
        f"the bars that came first win, because tests and trainings may rest on them"
    )


def _result(arrival: _Arrival, merge: Merge, overlap: str) -> ImportResult:
    reading = arrival.reading
    return ImportResult(
        source_name=arrival.path.name,
        source_sha256=arrival.sha256,
        dialect=reading.dialect,
        symbol=reading.candles.symbol,
        venue=reading.instrument.venue,
        timeframe_ms=reading.candles.timeframe_ms,
        bars=len(reading.candles),
        bars_added=merge.added,
        bars_stored=len(merge.candles),
        conflicts=merge.conflicts,
        already_there=merge.added == 0,
        report=reading.report,
        refused=reading.refused,
        overlap=overlap,
    )


def _new_instrument(connection: sqlite3.Connection, arrival: _Arrival) -> int:
    traded = arrival.reading.instrument
    return save_instrument(
        connection,
        base=traded.base,
        quote=traded.quote,
        venue=traded.venue,
        symbol=traded.symbol,
        first_seen_ms=arrival.reading.report.first_close_ms,
    )


def _row(
    arrival: _Arrival,
    merge: Merge,
    before: CandleFileRow | None,
    instrument_id: int,
    stored: tuple[str, str],
) -> CandleFileRow:
    candles, report = merge.candles, arrival.reading.report
    gaps = find_gaps(candles.close_ms, candles.timeframe_ms)
    return CandleFileRow(
        id=before.id if before else 0,
        instrument_id=instrument_id,
        symbol=candles.symbol,
        timeframe_ms=candles.timeframe_ms,
        path=stored[0],
        sha256=stored[1],
        source_name=arrival.path.name,
        source_sha256=arrival.sha256,
        dialect=arrival.reading.dialect,
        first_close_ms=int(candles.close_ms[0]),
        last_close_ms=int(candles.close_ms[-1]),
        bars=len(candles),
        gaps=gaps.count,
        missing_bars=gaps.missing_bars,
        duplicates=report.duplicates + (before.duplicates if before else 0),
        refused=report.refused + (before.refused if before else 0),
        zero_volume=int((candles.volume == 0.0).sum()),
        provenance=arrival.provenance,
        imported_ms=now_ms(),
    )


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
